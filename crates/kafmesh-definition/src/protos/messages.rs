//! Finds the protobuf type of a message by its words.

use std::collections::HashMap;

use prost_types::FileDescriptorSet;

use crate::model::ProtoType;
use crate::name::folded;
use crate::suggest;

/// The top-level messages of the compiled files, by package and name without regard to spelling.
pub(crate) struct Messages {
    types: HashMap<(String, String), Vec<ProtoType>>,
}

/// Why a message has no type.
pub(crate) enum Unresolved {
    /// Several types are spelt alike.
    Ambiguous(Vec<ProtoType>),
    /// No type is spelt like it.
    Absent {
        /// What was looked for, best first (`exampleService.userId.Click`).
        wanted: Vec<String>,
    },
}

impl Messages {
    pub(crate) fn new(set: &FileDescriptorSet) -> Self {
        let mut types: HashMap<_, Vec<ProtoType>> = HashMap::new();
        for file in &set.file {
            for message in &file.message_type {
                let found = ProtoType {
                    package: file.package().to_owned(),
                    name: message.name().to_owned(),
                };
                types
                    .entry((folded_package(&found.package), folded(&found.name)))
                    .or_default()
                    .push(found);
            }
        }
        Self { types }
    }

    /// The type of `message` (`userId.click`, `vehiclesService.vehicleId.details`) for `service`.
    ///
    /// A message of two parts is looked for in the service's own package first.
    pub(crate) fn resolve(&self, service: &str, message: &str) -> Result<&ProtoType, Unresolved> {
        let (package, name) = message.rsplit_once('.').unwrap_or(("", message));
        let packages = if package.contains('.') {
            vec![package.to_owned()]
        } else {
            vec![format!("{service}.{package}"), package.to_owned()]
        };
        for package in &packages {
            match self
                .types
                .get(&(folded_package(package), folded(name)))
                .map(Vec::as_slice)
            {
                Some([only]) => return Ok(only),
                Some(several) => return Err(Unresolved::Ambiguous(several.to_vec())),
                None => {}
            }
        }
        let pascal = crate::Name::new(name).pascal();
        let wanted = packages
            .iter()
            .map(|package| format!("{package}.{pascal}"))
            .collect();
        Err(Unresolved::Absent { wanted })
    }

    /// The message most like `message`, as the YAML would write it.
    pub(crate) fn nearest(&self, service: &str, message: &str) -> Option<String> {
        let own = format!("{}.", folded_package(service));
        let spelt: Vec<(String, String)> = self
            .types
            .iter()
            .flat_map(|((package, _), types)| types.iter().map(move |found| (package, found)))
            .filter(|(package, _)| !package.starts_with("google."))
            .map(|(package, found)| {
                let skipped = if package.starts_with(&own) {
                    service.matches('.').count() + 1
                } else {
                    0
                };
                let package: Vec<&str> = found.package.split('.').skip(skipped).collect();
                let name = crate::Name::new(found.name.as_str()).lower_camel();
                let written = format!("{}.{name}", package.join("."));
                (folded_package(&written), written)
            })
            .collect();
        let mut candidates: Vec<&str> = spelt.iter().map(|(folded, _)| folded.as_str()).collect();
        candidates.sort_unstable();
        let near = suggest::nearest(&folded_package(message), candidates.iter().copied()).or_else(
            || {
                // The right name in another package is the next best guess.
                let (_, name) = message.rsplit_once('.')?;
                let end = format!(".{}", folded(name));
                let mut same = candidates
                    .iter()
                    .filter(|candidate| candidate.ends_with(&end));
                same.next().copied().filter(|_| same.next().is_none())
            },
        )?;
        spelt
            .iter()
            .find(|(folded, _)| folded == near)
            .map(|(_, written)| written.clone())
    }
}

/// A package with each of its parts folded.
fn folded_package(package: &str) -> String {
    package.split('.').map(folded).collect::<Vec<_>>().join(".")
}
