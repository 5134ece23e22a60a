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

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::{DescriptorProto, FileDescriptorProto};

    /// Messages by their full names.
    fn messages(names: &[&str]) -> Messages {
        let files = names.iter().map(|full_name| {
            let (package, name) = full_name.rsplit_once('.').unwrap_or(("", full_name));
            FileDescriptorProto {
                package: Some(package.to_owned()),
                message_type: vec![DescriptorProto {
                    name: Some(name.to_owned()),
                    ..Default::default()
                }],
                ..Default::default()
            }
        });
        Messages::new(&FileDescriptorSet {
            file: files.collect(),
        })
    }

    fn resolved(messages: &Messages, service: &str, message: &str) -> Result<String, String> {
        match messages.resolve(service, message) {
            Ok(found) => Ok(found.to_string()),
            Err(Unresolved::Ambiguous(candidates)) => Err(format!(
                "any of {}",
                suggest::listed(
                    &candidates
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                )
            )),
            Err(Unresolved::Absent { wanted }) => {
                Err(format!("none of {}", suggest::listed(&wanted)))
            }
        }
    }

    type Case = (
        &'static [&'static str],
        &'static str,
        &'static str,
        Result<&'static str, &'static str>,
    );

    #[test]
    fn messages_are_found_word_by_word() {
        // types, service, message, what is found
        let cases: &[Case] = &[
            (
                &["userId.Click"],
                "exampleService",
                "userId.click",
                Ok("userId.Click"),
            ),
            (
                &["user_id.Click"],
                "exampleService",
                "userId.click",
                Ok("user_id.Click"),
            ),
            (
                &["userid.Click"],
                "exampleService",
                "userId.click",
                Ok("userid.Click"),
            ),
            (
                &["userId.Click"],
                "exampleService",
                "user_id.click",
                Ok("userId.Click"),
            ),
            (
                &["userId.Click"],
                "exampleService",
                "USERID.CLICK",
                Ok("userId.Click"),
            ),
            (
                &["userId.TotalClicks"],
                "exampleService",
                "userId.total_clicks",
                Ok("userId.TotalClicks"),
            ),
            (
                &["userId.TotalClicks"],
                "exampleService",
                "userId.totalclicks",
                Ok("userId.TotalClicks"),
            ),
            (
                &["userId.HTTPRequest"],
                "exampleService",
                "userId.httpRequest",
                Ok("userId.HTTPRequest"),
            ),
            // The service's own package comes first.
            (
                &["userId.Click", "exampleService.userId.Click"],
                "exampleService",
                "userId.click",
                Ok("exampleService.userId.Click"),
            ),
            (
                &["userId.Click", "example_service.user_id.Click"],
                "exampleService",
                "userId.click",
                Ok("example_service.user_id.Click"),
            ),
            (
                &["userId.Click", "exampleService.userId.Other"],
                "exampleService",
                "userId.click",
                Ok("userId.Click"),
            ),
            (
                &["otherService.userId.Click", "userId.Click"],
                "exampleService",
                "userId.click",
                Ok("userId.Click"),
            ),
            // Another service's message is only looked for in its package.
            (
                &["vehiclesService.vehicleId.Details"],
                "exampleService",
                "vehiclesService.vehicleId.details",
                Ok("vehiclesService.vehicleId.Details"),
            ),
            (
                &["vehicles_service.vehicle_id.Details"],
                "exampleService",
                "vehiclesService.vehicleId.details",
                Ok("vehicles_service.vehicle_id.Details"),
            ),
            (
                &["vehicleId.Details"],
                "exampleService",
                "vehiclesService.vehicleId.details",
                Err("none of `vehiclesService.vehicleId.Details`"),
            ),
            (&["a.b.c.D"], "exampleService", "a.b.c.d", Ok("a.b.c.D")),
            (
                &["google.protobuf.Timestamp"],
                "exampleService",
                "google.protobuf.timestamp",
                Ok("google.protobuf.Timestamp"),
            ),
            // The dots of a package count, its spelling does not.
            (
                &["user.id.Click"],
                "exampleService",
                "userId.click",
                Err("none of `exampleService.userId.Click` and `userId.Click`"),
            ),
            (
                &["Click"],
                "exampleService",
                "userId.click",
                Err("none of `exampleService.userId.Click` and `userId.Click`"),
            ),
            (
                &["userId.Clicks"],
                "exampleService",
                "userId.click",
                Err("none of `exampleService.userId.Click` and `userId.Click`"),
            ),
            (
                &["userId.Click", "user_id.Click"],
                "exampleService",
                "userId.click",
                Err("any of `userId.Click` and `user_id.Click`"),
            ),
            (
                &["userId.TotalClicks", "userId.Totalclicks"],
                "exampleService",
                "userId.totalClicks",
                Err("any of `userId.TotalClicks` and `userId.Totalclicks`"),
            ),
            (
                &["größe.Wert"],
                "exampleService",
                "Größe.wert",
                Ok("größe.Wert"),
            ),
        ];
        for (types, service, message, wanted) in cases {
            let wanted = wanted.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(
                resolved(&messages(types), service, message),
                wanted,
                "{message} among {types:?}"
            );
        }
    }

    #[test]
    fn nearest_message_is_spelt_as_the_yaml_would() {
        let known = messages(&[
            "userId.Click",
            "exampleService.userId.TotalClicks",
            "vehiclesService.vehicleId.Details",
        ]);
        for (message, near) in [
            ("userId.clik", Some("userId.click")),
            ("usrId.click", Some("userId.click")),
            ("userId.totalClick", Some("userId.totalClicks")),
            ("user.totalClicks", Some("userId.totalClicks")),
            (
                "vehiclesService.vehicleId.detail",
                Some("vehiclesService.vehicleId.details"),
            ),
            (
                "vehicleId.details",
                Some("vehiclesService.vehicleId.details"),
            ),
            ("orderId.placed", None),
        ] {
            assert_eq!(
                known.nearest("exampleService", message).as_deref(),
                near,
                "{message}"
            );
        }
    }
}
