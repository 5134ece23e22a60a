//! What is wrong with the mesh, or is likely to be: found by comparing what its processes declare
//! with each other and with what Kafka says.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::actual::Actual;
use super::catalog::{Catalog, Object, Topic};
use super::description::TopicSettings;

/// Something that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub kind: FindingKind,
    /// The name of the topic or consumer group it is about.
    pub subject: String,
    /// What is so, and what to do.
    pub message: String,
    /// The node keys of the objects concerned.
    pub objects: BTreeSet<String>,
}

/// How bad a [`Finding`] is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something does not work.
    Error,
    /// Something may not work.
    Warning,
    /// Something may be superfluous or unknown.
    Notice,
}

macro_rules! kinds {
    ($($(#[doc = $meaning:literal])+ $kind:ident = $severity:ident, $advice:literal;)*) => {
        /// What a [`Finding`] is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum FindingKind { $($(#[doc = $meaning])+ $kind),* }

        impl FindingKind {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// How bad it is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$kind => Severity::$severity),* }
            }

            /// What is so, wherever it is found.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$kind => concat!($($meaning),+).trim_start()),* }
            }

            /// What to do about it, wherever it is found.
            pub fn advice(self) -> &'static str {
                match self { $(Self::$kind => $advice),* }
            }
        }
    };
}

kinds! {
    /// A topic that processes use does not exist in Kafka.
    MissingTopic = Error, "Start the service that creates it, or create it if none does";
    /// A topic has another partition count in Kafka than its definition says.
    PartitionCountDiffers = Error, "Change the definition, or recreate the topic";
    /// Definitions create one topic with different settings.
    SettingsDiffer = Error, "Let one service create it; give all running versions of it the same settings";
    /// Definitions have different messages in one topic.
    MessagesDiffer = Error, "Declare the same message everywhere, or use two topics";
    /// A table, which is to have one writer per key, is written by several objects.
    SeveralWriters = Warning, "Make sure that they never write the same key";
    /// A group of objects that run has no members in Kafka.
    GroupWithoutMembers = Warning, "See the health of the processes: they restore their tables, cannot reach Kafka, or use another cluster";
    /// A topic is read, and no process that is known writes it.
    UnknownProducer = Warning, "Nothing, if somebody outside the mesh writes it; else look why its writer does not run or is not asked";
    /// A group has members, and no process that is known declares it.
    UndeclaredGroup = Notice, "Nothing, if it is not of the mesh; else annotate the pods of its service";
    /// A topic is written, and no process that is known reads it.
    UnreadTopic = Notice, "Nothing, if somebody outside the mesh reads it; else stop writing it";
}

/// All findings, the worst first. Without `actual`, those that need no Kafka.
pub fn findings(catalog: &Catalog, actual: Option<&Actual>) -> Vec<Finding> {
    let mut found = Found::default();
    for topic in catalog.topics.values().filter(|topic| !topic.stale) {
        found.between_definitions(catalog, topic);
        if let Some(actual) = actual {
            found.in_kafka(catalog, topic, actual);
        }
    }
    if let Some(actual) = actual {
        found.groups(catalog, actual);
    }
    found.0.sort();
    found.0
}

#[derive(Default)]
struct Found(Vec<Finding>);

impl Found {
    fn add<'a>(
        &mut self,
        kind: FindingKind,
        subject: &str,
        message: String,
        objects: impl IntoIterator<Item = &'a str>,
    ) {
        self.0.push(Finding {
            severity: kind.severity(),
            kind,
            subject: subject.to_owned(),
            message,
            objects: objects.into_iter().map(str::to_owned).collect(),
        });
    }

    fn between_definitions(&mut self, catalog: &Catalog, topic: &Topic) {
        let writers = || topic.writers.iter().map(|key| &**key);
        let readers = || topic.readers.iter().map(|(key, _)| &**key);
        let settings = catalog.settings(topic);
        let all: HashSet<&TopicSettings> = settings.iter().map(|(_, one)| *one).collect();
        if all.len() > 1 {
            let services: BTreeSet<&str> = settings.iter().map(|(service, _)| *service).collect();
            let services: Vec<&str> = services.into_iter().collect();
            self.add(
                FindingKind::SettingsDiffer,
                &topic.name,
                format!(
                    "{} create it with {} different settings; let one service create it, and give \
                     all versions of it the same settings",
                    services.join(", "),
                    all.len()
                ),
                writers(),
            );
        }
        let messages = live_messages(catalog, topic);
        if messages.len() > 1 {
            let messages: Vec<&str> = messages.into_iter().collect();
            self.add(
                FindingKind::MessagesDiffer,
                &topic.name,
                format!(
                    "it is declared to hold {}; let everybody declare the same message",
                    messages.join(" and ")
                ),
                writers().chain(readers()),
            );
        }
        self.several_writers(catalog, topic, &all);
        if topic.writers.is_empty() && !topic.readers.is_empty() {
            self.add(
                FindingKind::UnknownProducer,
                &topic.name,
                "it is read, and no process that is known writes it; whoever does is not part of \
                 the mesh, does not run, or is not scraped"
                    .to_owned(),
                readers(),
            );
        }
        let changelog = |key: &str| {
            let object = catalog.objects.get(key);
            object.is_some_and(|object| persists_to(object, topic))
        };
        if topic.readers.is_empty() && !topic.writers.is_empty() && !writers().any(changelog) {
            self.add(
                FindingKind::UnreadTopic,
                &topic.name,
                "it is written, and no process that is known reads it".to_owned(),
                writers(),
            );
        }
    }

    fn several_writers(
        &mut self,
        catalog: &Catalog,
        topic: &Topic,
        settings: &HashSet<&TopicSettings>,
    ) {
        let writers: Vec<&Object> = topic
            .writers
            .iter()
            .filter_map(|key| catalog.objects.get(key))
            .filter(|object| !object.presence.stale)
            .collect();
        // Processors that share their component's state are one group, and so one writer per key.
        let mut tables: BTreeSet<&BTreeSet<String>> = BTreeSet::new();
        let mut alone = 0;
        for object in &writers {
            if persists_to(object, topic) && !object.groups.is_empty() {
                tables.insert(&object.groups);
            } else {
                alone += 1;
            }
        }
        let is_table = !tables.is_empty() || settings.iter().any(|settings| settings.compact);
        if is_table && tables.len() + alone > 1 {
            self.add(
                FindingKind::SeveralWriters,
                &topic.name,
                "it is a table, which is to have one writer per key, and several objects write it; \
                 make sure that they never write the same key"
                    .to_owned(),
                writers.iter().map(|object| &*object.key),
            );
        }
    }

    fn in_kafka(&mut self, catalog: &Catalog, topic: &Topic, actual: &Actual) {
        let users = || {
            let readers = topic.readers.iter().map(|(key, _)| &**key);
            readers.chain(topic.writers.iter().map(|key| &**key))
        };
        if actual.missing_topics.contains(&*topic.name) {
            self.add(
                FindingKind::MissingTopic,
                &topic.name,
                "Kafka has no such topic; the service that creates it does so when it starts, and a \
                 topic that no service creates must be created by hand"
                    .to_owned(),
                users(),
            );
        }
        let Some(is) = actual.topics.get(&*topic.name) else {
            return;
        };
        // Versions of a service may differ in other settings only.
        let declared = catalog.settings(topic).into_iter();
        let declared: BTreeSet<_> = declared
            .map(|(service, settings)| (service, settings.partitions))
            .filter(|(_, partitions)| *partitions != is.partitions)
            .collect();
        for (service, partitions) in declared {
            self.add(
                FindingKind::PartitionCountDiffers,
                &topic.name,
                format!(
                    "{service} defines {partitions} partitions, and Kafka has {}; change the \
                     definition, or recreate the topic",
                    is.partitions
                ),
                users(),
            );
        }
    }

    fn groups(&mut self, catalog: &Catalog, actual: &Actual) {
        let declared = catalog.groups();
        for (group, objects) in &declared {
            let runs = objects.iter().any(|object| !object.presence.stale);
            let empty = match actual.groups.get(*group) {
                Some(group) => !group.is_alive(),
                None => actual.missing_groups.contains(*group),
            };
            if runs && empty {
                self.add(
                    FindingKind::GroupWithoutMembers,
                    group,
                    "processes say that they run it, and Kafka knows no member of it: they may be \
                     restoring their tables still, or cannot reach Kafka, or use another cluster"
                        .to_owned(),
                    objects.iter().map(|object| &*object.key),
                );
            }
        }
        for (name, group) in &actual.groups {
            if group.is_alive() && !declared.contains_key(name.as_str()) {
                let topics = group.lag.iter().flat_map(|lag| lag.keys());
                let topics: Vec<&str> = topics.map(String::as_str).collect();
                let what = if topics.is_empty() {
                    String::new()
                } else {
                    format!(" of {}", topics.join(", "))
                };
                self.add(
                    FindingKind::UndeclaredGroup,
                    name,
                    format!("it is a consumer{what}, and no process that is known declares it"),
                    [],
                );
            }
        }
    }
}

/// The messages that live processes read from the topic or write to it.
fn live_messages<'a>(catalog: &'a Catalog, topic: &Topic) -> BTreeSet<&'a str> {
    let mut messages = BTreeSet::new();
    let readers = topic.readers.iter().map(|(key, _)| key);
    for object in readers.chain(&topic.writers) {
        let Some(object) = catalog.objects.get(object) else {
            continue;
        };
        let reads = object.reads.iter();
        let reads = reads.map(|read| (&read.topic, &read.messages, read.presence));
        let writes = object.written();
        let writes = writes.map(|write| (&write.topic, &write.messages, write.presence));
        for (of, all, presence) in reads.chain(writes) {
            if *of == topic.name && !presence.stale {
                messages.extend(
                    all.iter()
                        .map(String::as_str)
                        .filter(|name| !name.is_empty()),
                );
            }
        }
    }
    messages
}

fn persists_to(object: &Object, topic: &Topic) -> bool {
    object
        .persists_to
        .iter()
        .any(|write| write.topic == topic.name)
}

#[cfg(test)]
mod tests;
