//! What Kafka itself says of topics and consumer groups.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// The state of a Kafka cluster at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Actual {
    /// When it was read first as it is here.
    pub at: Timestamp,
    /// The topics there are, by name; internal ones left out.
    pub topics: BTreeMap<String, ActualTopic>,
    /// The consumer groups there are, by name.
    pub groups: BTreeMap<String, ActualGroup>,
}

impl Actual {
    /// Whether they differ in nothing but the time.
    pub fn is_like(&self, other: &Self) -> bool {
        self.topics == other.topics && self.groups == other.groups
    }
}

/// A topic as Kafka has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActualTopic {
    /// Number of partitions.
    pub partitions: i32,
    /// Replication factor: of the partition that has fewest replicas.
    pub replication: i32,
    /// The sum of the partitions' end offsets; `None` when no partition's could be read.
    pub end: Option<i64>,
}

/// A consumer group as Kafka has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActualGroup {
    /// Its state (`Stable`, `Empty`, …), as Kafka names it.
    pub state: String,
    /// How many members it has; `None` when that could not be read.
    pub members: Option<u32>,
    /// How far it is behind in each topic it has committed offsets for.
    pub lag: BTreeMap<String, Lag>,
}

/// How far a group is behind in a topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lag {
    /// Records between what is committed and the end, over the partitions with a commit.
    pub records: i64,
    /// Partitions with records of which the group has never committed an offset.
    pub uncommitted: usize,
}
