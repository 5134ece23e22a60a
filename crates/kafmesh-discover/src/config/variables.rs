//! The `KAFMESH_*` variables: those that are settings, and those that look as if they were.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use clap::Command;

use super::arguments::{KAFKA_VARIABLES, SECRETS};
use super::layers::{Layers, is_list, nearest, settings};

/// What the variables of all programs of kafmesh begin with, and those of this one only.
pub(super) const FAMILY: &str = "KAFMESH_";
const OWN: &str = "KAFMESH_DISCOVER_";

impl Layers<'_> {
    pub(super) fn read_variables(
        &mut self,
        described: &Command,
        variables: &BTreeMap<String, OsString>,
    ) {
        let mut known = BTreeSet::new();
        for arg in settings(described) {
            let Some(variable) = arg.get_env().and_then(|name| name.to_str()) else {
                continue;
            };
            known.insert(variable);
            let Some(text) = self.variable(variable, variables) else {
                continue;
            };
            if !text.is_empty() {
                let id = arg.get_id().to_string();
                let values: Vec<_> = if is_list(arg) {
                    text.split(',').map(|part| part.trim().to_owned()).collect()
                } else {
                    vec![text]
                };
                let key = arg.get_long().unwrap_or_default();
                self.check(&id, key, &values, variable);
                self.defaults.insert(id, (values, variable.to_owned()));
            }
        }
        for secret in SECRETS {
            known.insert(secret.variable);
            if let Some(text) = self.variable(secret.variable, variables) {
                self.secret(secret.key, text, secret.variable.to_owned());
            }
        }
        known.insert("KAFMESH_DISCOVER_CONFIG");
        for name in variables.keys() {
            if let Some(property) = name.strip_prefix(KAFKA_VARIABLES) {
                let property = property.to_lowercase().replace('_', ".");
                if let Some(text) = self.variable(name, variables) {
                    self.property(&property, text, name.clone());
                }
            } else if !known.contains(name.as_str())
                && !is_of_a_kubernetes_service(name)
                && let Some(question) = misspelt(name, &known)
            {
                self.warnings.push(format!(
                    "the variable {name} means nothing here; {question}"
                ));
            }
        }
    }

    fn variable(&mut self, name: &str, variables: &BTreeMap<String, OsString>) -> Option<String> {
        let value = variables.get(name)?;
        match value.to_str() {
            Some(text) => Some(text.to_owned()),
            None => {
                self.problems.push(format!("{name} is not UTF-8"));
                None
            }
        }
    }
}

/// What to ask about a variable that is no setting. Other programs have theirs with `KAFMESH_`: of these,
/// a name that is nearly one of the `known` is told, and no other.
fn misspelt(name: &str, known: &BTreeSet<&str>) -> Option<String> {
    if name.starts_with(OWN) {
        let meant = nearest(name, known.iter().copied());
        return Some(meant.map_or_else(
            || "is it misspelt?".to_owned(),
            |meant| format!("is {meant} meant?"),
        ));
    }
    // What all of them begin with would make everything alike.
    let rest = |name: &'_ str| name.strip_prefix(FAMILY).map(str::to_owned);
    let name = rest(name)?;
    let known: Vec<_> = known.iter().filter_map(|known| rest(known)).collect();
    if let Some(meant) = nearest(&name, known.iter().map(String::as_str)) {
        return Some(format!("is {FAMILY}{meant} meant?"));
    }
    let (kafka, property) = name.split_once('_')?;
    nearest(kafka, ["KAFKA"])?;
    Some(format!("is {KAFKA_VARIABLES}{property} meant?"))
}

/// Whether Kubernetes sets the variable for a Service whose name begins with `kafmesh`.
fn is_of_a_kubernetes_service(name: &str) -> bool {
    name.contains("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.contains("_PORT_")
}
