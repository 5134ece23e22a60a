//! What Kafka itself says of topics and consumer groups.

use jiff::Timestamp;
use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// The state of a Kafka cluster at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Actual {
    /// When it was read.
    pub at: Timestamp,
    /// The topics there are, by name; internal ones left out.
    pub topics: BTreeMap<String, ActualTopic>,
    /// The consumer groups there are, by name.
    pub groups: BTreeMap<String, ActualGroup>,
}

/// A topic as Kafka has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActualTopic {
    /// Number of partitions.
    pub partitions: i32,
    /// Replication factor.
    pub replication: i32,
    /// The sum of the partitions' end offsets.
    pub end: i64,
}

/// A consumer group as Kafka has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActualGroup {
    /// Its state (`Stable`, `Empty`, …), as Kafka names it.
    pub state: String,
    /// How many members it has.
    pub members: u32,
    /// How many records of each topic it has committed offsets for are ahead of them.
    pub lag: BTreeMap<String, i64>,
}
