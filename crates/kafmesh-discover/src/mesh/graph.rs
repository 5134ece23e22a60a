//! The mesh as nodes and edges: what stores hold and exports draw.

mod derive;
mod kafka;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

pub use derive::{message_node, pod_node, service_node, topic_node};
pub use kafka::{group_node, kafka_node};

/// The nodes and edges of the mesh.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// The nodes by key.
    pub nodes: BTreeMap<NodeKey, Properties>,
    /// The edges.
    pub edges: BTreeMap<Edge, Properties>,
}

/// What is known of a node or an edge, besides what it is told apart by. Nodes that processes report
/// have `stale` always, and `partial` where that is meant; edges have them only where they are true.
pub type Properties = BTreeMap<&'static str, Property>;

/// The names of all properties, sorted.
const PROPERTY_NAMES: &[&str] = &[
    "actualPartitions",
    "actualReplication",
    "address",
    "answerSince",
    "answered",
    "asked",
    "compact",
    "component",
    "creators",
    "declared",
    "description",
    "ended",
    "failed",
    "failingSince",
    "failure",
    "failureMessage",
    "fingerprints",
    "groupStates",
    "groups",
    "instance",
    "kafmeshVersion",
    "kind",
    "lag",
    "lagUnknown",
    "members",
    "messages",
    "missing",
    "name",
    "namespace",
    "node",
    "partial",
    "partitions",
    "readAt",
    "replication",
    "retentionMs",
    "segmentMs",
    "service",
    "stale",
    "started",
    "startedAt",
    "state",
    "types",
    "uncommitted",
    "version",
    "versions",
    "watch",
];

/// The name of a property as this program writes it; `None` when it writes none of that name.
pub fn property_name(name: &str) -> Option<&'static str> {
    let place = PROPERTY_NAMES.binary_search(&name).ok()?;
    Some(PROPERTY_NAMES[place])
}

/// What a node is told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeKey {
    /// What it is.
    pub label: Label,
    /// Which one: names from the service down, such as `clicks/math/processor/totalClicks`; made by
    /// [`key`](super::key).
    pub key: Arc<str>,
}

impl NodeKey {
    /// The key of a node.
    pub fn new(label: Label, key: impl Into<Arc<str>>) -> Self {
        Self {
            label,
            key: key.into(),
        }
    }
}

impl fmt::Display for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.label, self.key)
    }
}

/// An edge; there is at most one of a kind and role between two nodes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// Where it begins.
    pub from: NodeKey,
    /// What it means.
    pub relation: Relation,
    /// How a topic is read; for [`Relation::Reads`] only.
    pub role: Option<Role>,
    /// Where it ends.
    pub to: NodeKey,
}

impl From<&str> for Property {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for Property {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<i64> for Property {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Property {
    fn from(count: usize) -> Self {
        Self::Number(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// The value of a property.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Property {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Texts, sorted.
    Texts(BTreeSet<String>),
}

macro_rules! names {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $type {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl $type {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in the graph.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The one of that name.
            pub fn of_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.name() == name)
            }
        }

        // What utoipa derives does not see names that come from a macro.
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let names = Self::ALL.iter().map(|one| one.name());
                let schema = ObjectBuilder::new().schema_type(Type::String);
                schema.enum_values(Some(names)).build().into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                stringify!($type).into()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

names! {
    /// What a node is.
    Label {
        /// A service.
        Service = "Service",
        /// A component of a service.
        Component = "Component",
        /// A topic that a service's own code writes.
        Source = "Source",
        /// A processor.
        Processor = "Processor",
        /// A sink.
        Sink = "Sink",
        /// A local copy of a topic.
        View = "View",
        /// What keeps a topic equal to an external data set.
        ViewSource = "ViewSource",
        /// What hands a view to an external system.
        ViewSink = "ViewSink",
        /// A Kafka topic.
        Topic = "Topic",
        /// A message type.
        Message = "Message",
        /// A consumer group that Kafka has, whether anything declares it or not.
        ConsumerGroup = "ConsumerGroup",
        /// The Kafka cluster, where it is asked.
        Kafka = "Kafka",
        /// A process.
        Pod = "Pod",
        /// A scrape of the whole mesh.
        ScrapeRun = "ScrapeRun",
    }
}

names! {
    /// What an object of a component is.
    ObjectKind {
        /// A topic that a service's own code writes.
        Source = "source",
        /// A processor.
        Processor = "processor",
        /// A sink.
        Sink = "sink",
        /// A local copy of a topic.
        View = "view",
        /// What keeps a topic equal to an external data set.
        ViewSource = "view-source",
        /// What hands a view to an external system.
        ViewSink = "view-sink",
    }
}

impl ObjectKind {
    /// The label of its nodes.
    pub fn label(self) -> Label {
        match self {
            Self::Source => Label::Source,
            Self::Processor => Label::Processor,
            Self::Sink => Label::Sink,
            Self::View => Label::View,
            Self::ViewSource => Label::ViewSource,
            Self::ViewSink => Label::ViewSink,
        }
    }
}

names! {
    /// What an edge means.
    Relation {
        /// Service to component.
        HasComponent = "HAS_COMPONENT",
        /// Component to object.
        Contains = "CONTAINS",
        /// Object to topic; has a [`Role`].
        Reads = "READS",
        /// Object to topic.
        Writes = "WRITES",
        /// Processor to its changelog.
        PersistsTo = "PERSISTS_TO",
        /// Topic to message.
        OfType = "OF_TYPE",
        /// Object to its consumer group, where Kafka has it.
        InGroup = "IN_GROUP",
        /// Consumer group to a topic it has committed offsets of.
        Consumes = "CONSUMES",
        /// Service or object to pod.
        RunsIn = "RUNS_IN",
        /// Scrape run to pod.
        Observed = "OBSERVED",
    }
}

names! {
    /// How an object reads a topic.
    Role {
        /// A processor handles its records.
        Input = "input",
        /// A processor joins it by key.
        Join = "join",
        /// A processor looks keys up in it.
        Lookup = "lookup",
        /// A view or a view sink has a local copy of it.
        View = "view",
        /// A sink ships it.
        Sink = "sink",
    }
}
