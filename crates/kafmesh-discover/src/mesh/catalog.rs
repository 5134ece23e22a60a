//! What the processes of the mesh report together: services, components, objects, topics, messages.
//!
//! Processes of one service need not say the same: two versions may run at once, and not every
//! process registers every object. An object is listed once, with the union of what its processes
//! say; what only some of the live ones report is *partial*, what none of them reports any more is
//! *stale*.

mod build;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::description::{Description, TopicSettings};
use super::graph::{NodeKey, ObjectKind, Role};
use super::pod::PodKey;

/// All that processes report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Catalog {
    /// The services by name.
    pub services: BTreeMap<Arc<str>, Service>,
    /// The components by node key.
    pub components: BTreeMap<Arc<str>, Component>,
    /// The objects of all components by node key.
    pub objects: BTreeMap<Arc<str>, Object>,
    /// The topics by name.
    pub topics: BTreeMap<Arc<str>, Topic>,
    /// The messages by name.
    pub messages: BTreeMap<Arc<str>, Message>,
}

impl Catalog {
    /// The objects by the consumer groups they declare.
    pub fn groups(&self) -> BTreeMap<&str, Vec<&Object>> {
        let mut groups: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
        for object in self.objects.values() {
            for group in &object.groups {
                groups.entry(group).or_default().push(object);
            }
        }
        groups
    }

    /// What a topic is created with, and by which service. What a stale service says counts only where no
    /// live one says anything: it may long be otherwise.
    pub fn settings<'a>(&'a self, topic: &'a Topic) -> Vec<(&'a str, &'a TopicSettings)> {
        let all = topic.settings.iter();
        let all = all.flat_map(|(service, all)| all.iter().map(move |one| (&**service, one)));
        let is_live = |service: &str| {
            let service = self.services.get(service);
            service.is_some_and(|service| !service.stale)
        };
        let (live, stale): (Vec<_>, Vec<_>) = all.partition(|(service, _)| is_live(service));
        if live.is_empty() { stale } else { live }
    }
}

/// What the processes of a service have in common on a thing that only some may report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// Some live processes of the service report it, and others do not.
    pub partial: bool,
    /// No live process of the service reports it; what is known comes from stale ones.
    pub stale: bool,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Its name.
    pub name: Arc<str>,
    /// What it is for.
    pub description: String,
    /// The different descriptions its processes give, the one of most live processes first.
    pub versions: Vec<Version>,
    /// The node keys of its components.
    pub components: BTreeSet<Arc<str>>,
    /// Its processes that have ever answered.
    pub pods: BTreeSet<PodKey>,
    /// Whether none of them is live.
    pub stale: bool,
}

/// What some processes of a service say in the same words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Stands for the description.
    pub fingerprint: Arc<str>,
    /// The version labels of its pods (`app.kubernetes.io/version`).
    pub labels: BTreeSet<String>,
    /// Its pods.
    pub pods: BTreeSet<PodKey>,
    /// How many of them are live: they answered when they were asked last.
    pub live: usize,
    /// What they say.
    #[serde(skip)]
    pub description: Arc<Description>,
}

/// A component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Its node key.
    pub key: Arc<str>,
    /// The service it belongs to.
    pub service: Arc<str>,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The node keys of its objects.
    pub objects: BTreeSet<Arc<str>>,
    /// The pods that report it.
    pub pods: BTreeSet<PodKey>,
    /// How much of the service reports it.
    #[serde(flatten)]
    pub presence: Presence,
}

/// A source, processor, sink, view, view source or view sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// Which of them.
    pub kind: ObjectKind,
    /// Its node key.
    pub key: Arc<str>,
    /// The service it belongs to.
    pub service: Arc<str>,
    /// The name of its component.
    pub component: String,
    /// Its name; for sources and views, which have none, the topic's.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Its consumer group; empty when it has none, or none is told. If versions differ: all of them.
    pub groups: BTreeSet<String>,
    /// The topics it reads.
    pub reads: Vec<Read>,
    /// The topics it writes.
    pub writes: Vec<Write>,
    /// The changelog of its state; more than one when versions differ.
    pub persists_to: Vec<Write>,
    /// The pods it runs in.
    pub pods: BTreeSet<PodKey>,
    /// How much of the service reports it.
    #[serde(flatten)]
    pub presence: Presence,
}

impl Object {
    /// Its node in the graph.
    pub fn node(&self) -> NodeKey {
        NodeKey::new(self.kind.label(), self.key.clone())
    }

    /// The topics it writes, its changelog included.
    pub fn written(&self) -> impl Iterator<Item = &Write> {
        self.writes.iter().chain(&self.persists_to)
    }
}

/// A topic that an object reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Read {
    /// The topic's name.
    pub topic: Arc<str>,
    /// How.
    pub role: Role,
    /// The messages it takes the records for; more than one when versions differ.
    pub messages: BTreeSet<String>,
    /// How much of the service reports it.
    #[serde(flatten)]
    pub presence: Presence,
}

/// A topic that an object writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The messages it writes; more than one when versions differ.
    pub messages: BTreeSet<String>,
    /// What the records mean.
    pub description: String,
    /// How much of the service reports it.
    #[serde(flatten)]
    pub presence: Presence,
}

/// A topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Topic {
    /// Its name in Kafka.
    pub name: Arc<str>,
    /// The settings it is created with, by the service that does: as its live processes say, where it has
    /// any. More than one service, or more than one setting of a service, is a contradiction.
    pub settings: BTreeMap<Arc<str>, Vec<TopicSettings>>,
    /// The messages in it.
    pub messages: BTreeSet<Arc<str>>,
    /// The node keys of the objects that read it, with how.
    pub readers: BTreeSet<(Arc<str>, Role)>,
    /// The node keys of the objects that write it, as output or as changelog.
    pub writers: BTreeSet<Arc<str>>,
    /// Whether no live process reports it.
    pub stale: bool,
}

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its name in the definitions.
    pub name: Arc<str>,
    /// The full names of its protobuf type; more than one when services differ.
    pub types: BTreeSet<String>,
    /// The topics it is in.
    pub topics: BTreeSet<Arc<str>>,
    /// Whether no live process reports it.
    pub stale: bool,
}
