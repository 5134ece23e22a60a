//! What Kafka itself says of topics and consumer groups.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Add;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// What is known of a Kafka cluster that is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It was not read yet.
    Nothing(Unread),
    /// What was read last.
    Read(Arc<Actual>),
}

impl Told {
    /// What was read last, if anything was.
    pub fn read(&self) -> Option<&Arc<Actual>> {
        match self {
            Self::Nothing(_) => None,
            Self::Read(actual) => Some(actual),
        }
    }
}

impl Default for Told {
    fn default() -> Self {
        Self::Nothing(Unread::default())
    }
}

/// That a Kafka cluster was not read yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unread {
    /// Since when it cannot be read; `None` before that was tried.
    pub failing_since: Option<Timestamp>,
}

/// The state of a Kafka cluster at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Actual {
    /// When it was read last.
    pub at: Timestamp,
    /// Since when it cannot be read, so that the rest is what it was at `at`; `None` when it could be read
    /// when that was tried last.
    pub failing_since: Option<Timestamp>,
    /// The topics there are, by name; internal ones left out.
    pub topics: BTreeMap<String, ActualTopic>,
    /// The topics that are declared and, as Kafka says, not there. Of what is neither here nor in `topics`
    /// nothing is known: Kafka was not asked, or does not tell.
    pub missing_topics: BTreeSet<String>,
    /// The consumer groups there are, by name.
    pub groups: BTreeMap<String, ActualGroup>,
    /// The same of consumer groups as `missing_topics` of topics.
    pub missing_groups: BTreeSet<String>,
}

impl Actual {
    /// Whether the same follows from both for a mesh: they differ in nothing but when they were read and where
    /// topics end.
    pub fn is_like(&self, other: &Self) -> bool {
        fn without_end<'a>((name, topic): (&'a String, &ActualTopic)) -> (&'a str, ActualTopic) {
            (
                name,
                ActualTopic {
                    end: None,
                    ..*topic
                },
            )
        }
        self.topics
            .iter()
            .map(without_end)
            .eq(other.topics.iter().map(without_end))
            && self.missing_topics == other.missing_topics
            && self.groups == other.groups
            && self.missing_groups == other.missing_groups
            && self.failing_since == other.failing_since
    }

    /// Whether what it tells may no longer be so.
    pub fn is_stale(&self) -> bool {
        self.failing_since.is_some()
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
    /// The sum of the partitions' end offsets; `None` unless all could be read.
    pub end: Option<i64>,
    /// Partitions that have, or once had, records.
    pub with_records: usize,
    /// Partitions whose end offset could not be read.
    pub unknown: usize,
}

/// A consumer group as Kafka has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActualGroup {
    /// Its state (`Stable`, `Empty`, …), as Kafka names it.
    pub state: String,
    /// How many members it has; `None` when that could not be read.
    pub members: Option<u32>,
    /// How far it is behind in each topic it has committed offsets for; `None` when what it has committed
    /// could not be read.
    pub lag: Option<BTreeMap<String, Lag>>,
}

impl ActualGroup {
    /// Whether somebody is in it.
    pub fn is_alive(&self) -> bool {
        match self.members {
            Some(members) => members > 0,
            None => !matches!(self.state.as_str(), "Empty" | "Dead"),
        }
    }
}

/// How far a group is behind in a topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lag {
    /// Records between what is committed and the end, over the partitions with a commit.
    pub records: i64,
    /// Partitions with records of which the group has never committed an offset.
    pub uncommitted: usize,
    /// Partitions whose end or commit could not be read: the lag may be larger by what they have.
    pub unknown: usize,
}

impl Lag {
    /// How far it is behind in a topic of which it has never committed an offset.
    pub fn of_no_commits(topic: &ActualTopic) -> Self {
        Self {
            records: 0,
            uncommitted: topic.with_records,
            unknown: topic.unknown,
        }
    }

    /// What is known when the group's commits cannot be read.
    pub fn unknown(topic: &ActualTopic) -> Self {
        Self {
            unknown: usize::try_from(topic.partitions).unwrap_or_default(),
            ..Self::default()
        }
    }
}

impl Add for Lag {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            uncommitted: self.uncommitted + other.uncommitted,
            unknown: self.unknown + other.unknown,
        }
    }
}
