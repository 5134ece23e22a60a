//! The list of settings, for documentation.

use clap::CommandFactory as _;

use super::arguments::{Arguments, KAFKA_KEY, KAFKA_VARIABLES, SECRETS};
use super::layers;

/// One setting, as the help shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// What it belongs to: a heading of the help.
    pub heading: String,
    /// Its key in the file; a flag with dashes in front.
    pub key: String,
    /// Whether there is a flag; there is none for secrets.
    pub flag: bool,
    /// Its environment variable.
    pub variable: String,
    /// Its default; empty when it has none.
    pub default: String,
    /// What it means.
    pub meaning: String,
}

/// Every setting there is, in the order of the help.
pub fn settings() -> Vec<Setting> {
    let command = Arguments::command();
    let mut settings = Vec::new();
    for arg in layers::settings(&command) {
        let key = arg.get_long().unwrap_or_default();
        let heading = arg.get_help_heading().unwrap_or_default().to_owned();
        if let Some(secret) = SECRETS
            .iter()
            .find(|secret| key == format!("{}-file", secret.key))
        {
            settings.push(Setting {
                heading: heading.clone(),
                key: secret.key.to_owned(),
                flag: false,
                variable: secret.variable.to_owned(),
                default: String::new(),
                meaning: secret.meaning.to_owned(),
            });
        }
        let defaults = arg.get_default_values().iter();
        let defaults: Vec<_> = defaults.map(|value| value.to_string_lossy()).collect();
        let variable = arg.get_env().map(|name| name.to_string_lossy());
        settings.push(Setting {
            heading,
            key: key.to_owned(),
            flag: true,
            variable: variable.unwrap_or_default().into_owned(),
            default: defaults.join(","),
            meaning: arg.get_help().map(ToString::to_string).unwrap_or_default(),
        });
    }
    let heading = settings.last().map(|last: &Setting| last.heading.clone());
    settings.push(Setting {
        heading: heading.unwrap_or_default(),
        key: KAFKA_KEY.to_owned(),
        flag: false,
        variable: format!("{KAFKA_VARIABLES}*"),
        default: String::new(),
        meaning: "Properties of librdkafka; in the file a mapping by their names, as variables \
                  KAFMESH_KAFKA_SECURITY_PROTOCOL for security.protocol"
            .to_owned(),
    });
    settings
}
