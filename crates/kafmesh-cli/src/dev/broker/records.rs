//! The logs of all partitions of all topics.
//!
//! Tansu's own in-memory storage is not used for records: a fetch that starts inside a producer's
//! batch skips that batch, and the latest offset is that of the last batch, not of the last record
//! (tansu-storage 0.6, `dynostore.rs`). Topics, groups and committed offsets stay with Tansu.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tansu_sans_io::{ConfigResource, ErrorCode};
use tansu_storage::{Storage as _, StorageContainer, TopicId};
use tokio::sync::Notify;

use super::log::PartitionLog;

/// The logs of all partitions.
#[derive(Clone, Debug)]
pub(super) struct Records {
    topics: StorageContainer,
    logs: Arc<Mutex<Logs>>,
    /// Told of every append.
    pub(super) appended: Arc<Notify>,
}

/// Logs by topic id, so that a topic that was deleted and created again starts empty, and partition.
type Logs = HashMap<([u8; 16], i32), PartitionLog>;

/// What records need to know of a topic.
pub(super) struct Topic {
    id: [u8; 16],
    partitions: i32,
}

impl Records {
    /// Logs for the topics that `topics` knows.
    pub(super) fn new(topics: StorageContainer) -> Self {
        Self {
            topics,
            logs: Arc::default(),
            appended: Arc::default(),
        }
    }

    /// The topic, or Kafka's error for one that does not exist.
    pub(super) async fn topic(&self, wanted: TopicId) -> Result<Topic, ErrorCode> {
        let by_id = matches!(wanted, TopicId::Id(_));
        let unknown = || {
            if by_id {
                ErrorCode::UnknownTopicId
            } else {
                ErrorCode::UnknownTopicOrPartition
            }
        };
        let metadata = self
            .topics
            .metadata(Some(&[wanted]))
            .await
            .map_err(|_| ErrorCode::UnknownServerError)?;
        let topic = metadata.topics().first().ok_or_else(unknown)?;
        let partitions = topic.partitions.as_ref().map_or(0, Vec::len);
        match topic.topic_id {
            Some(id) if topic.error_code == i16::from(ErrorCode::None) => Ok(Topic {
                id,
                partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
            }),
            _ => Err(unknown()),
        }
    }

    /// Runs `f` on one partition's log.
    pub(super) fn with<T>(
        &self,
        topic: &Topic,
        partition: i32,
        f: impl FnOnce(&mut PartitionLog) -> Result<T, ErrorCode>,
    ) -> Result<T, ErrorCode> {
        if partition < 0 || partition >= topic.partitions {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        // A log is consistent after every statement, so a panic elsewhere does not spoil it.
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        f(logs.entry((topic.id, partition)).or_default())
    }

    /// Whether records of the topic are kept until newer ones replace them.
    pub(super) async fn is_compacted(&self, topic: &str) -> bool {
        let described = self
            .topics
            .describe_config(topic, ConfigResource::Topic, None)
            .await;
        described
            .ok()
            .and_then(|result| result.configs)
            .is_some_and(|configs| {
                configs.iter().any(|config| {
                    config.name == "cleanup.policy"
                        && config
                            .value
                            .as_deref()
                            .is_some_and(|value| value.contains("compact"))
                })
            })
    }
}
