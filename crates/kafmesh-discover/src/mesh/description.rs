//! What one process says of itself.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::key::fingerprint;

/// A service as one process describes it: what is registered there and nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Description {
    /// The service's name.
    pub service: String,
    /// What the service is for.
    pub description: String,
    /// Its components of which something is registered.
    pub components: Vec<Component>,
    /// The messages in use, by name; empty when the process does not tell their types.
    pub messages: Vec<Message>,
    /// The topics in use, by name; empty when the process does not tell their settings.
    pub topics: Vec<Topic>,
}

impl Description {
    /// A text that stands for the description: equal ones have equal fingerprints, in every process
    /// and for good.
    pub fn fingerprint(&self) -> Arc<str> {
        #[allow(
            clippy::expect_used,
            reason = "texts, numbers and lists of them always become JSON"
        )]
        let json = serde_json::to_vec(self).expect("a description becomes JSON");
        fingerprint(&json).into()
    }
}

/// A component.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Topics that the service's own code writes.
    pub sources: Vec<TopicUse>,
    /// Its processors.
    pub processors: Vec<Processor>,
    /// Its sinks.
    pub sinks: Vec<Worker>,
    /// Topics it has a local copy of.
    pub views: Vec<TopicUse>,
    /// Its view sources.
    pub view_sources: Vec<Worker>,
    /// Its view sinks.
    pub view_sinks: Vec<Worker>,
}

/// One use of a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicUse {
    /// The topic's name in Kafka.
    pub topic: String,
    /// The message as the definition names it (`userId.click`).
    pub message: String,
}

/// A processor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Processor {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Its consumer group.
    pub group: String,
    /// Topics whose records it handles.
    pub inputs: Vec<TopicUse>,
    /// Co-partitioned tables it joins.
    pub joins: Vec<TopicUse>,
    /// Global tables it looks keys up in.
    pub lookups: Vec<TopicUse>,
    /// Topics it writes.
    pub outputs: Vec<Output>,
    /// The changelog of its state, if it has state.
    pub persistence: Option<TopicUse>,
}

/// An output of a processor.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Output {
    /// The topic's name in Kafka.
    pub topic: String,
    /// The message as the definition names it.
    pub message: String,
    /// What its records mean.
    pub description: String,
}

/// A sink, a view source or a view sink: a named object with one topic and a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Worker {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The topic's name in Kafka.
    pub topic: String,
    /// The message as the definition names it.
    pub message: String,
    /// Its consumer group; empty when the process does not tell it.
    pub group: String,
}

/// A message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Message {
    /// Its name in the definition.
    pub name: String,
    /// The full name of its protobuf type.
    #[serde(rename = "type")]
    pub message_type: String,
}

/// A topic as a definition describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Topic {
    /// Its name in Kafka.
    pub name: String,
    /// What the service creates it with; `None` when it must exist already.
    pub settings: Option<TopicSettings>,
}

/// What a topic is created with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicSettings {
    /// Number of partitions.
    pub partitions: i32,
    /// Replication factor.
    pub replication: i32,
    /// Whether its log is compacted.
    pub compact: bool,
    /// `retention.ms`.
    pub retention_ms: i64,
    /// `segment.ms`.
    pub segment_ms: i64,
}
