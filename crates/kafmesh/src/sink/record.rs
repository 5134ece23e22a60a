//! A record as a sink gets it: decoded, and with its place in Kafka.

use std::sync::Arc;
use std::time::SystemTime;

use prost::Message;

use crate::error::{Error, Position, Result, message_name};
use crate::kafka::{Record, time_of};

/// A record as a sink gets it.
///
/// A record may be written more than once, when a process ends between the write and the commit.
/// Topic, partition and offset name a record for good, so a store that is keyed by them, or takes
/// the value under the key as the newest, is the same after a second write.
///
/// ```
/// # #[derive(Clone, PartialEq, prost::Message)] struct Total { #[prost(uint64, tag = "1")] count: u64 }
/// let mut record = kafmesh::SinkRecord::new("user-1", Some(Total { count: 7 }));
/// record.offset = 3;
/// assert_eq!(record.key, "user-1");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SinkRecord<M> {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// When the record was produced; the epoch when it does not say.
    pub timestamp: SystemTime,
    /// The key.
    pub key: String,
    /// The message; `None` is a delete.
    pub value: Option<M>,
    /// Name and value of every header, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl<M> SinkRecord<M> {
    /// A record for tests, at offset 0 of partition 0 of a topic called `in memory`, from the epoch.
    pub fn new(key: impl Into<String>, value: Option<M>) -> Self {
        Self {
            topic: "in memory".into(),
            partition: 0,
            offset: 0,
            timestamp: SystemTime::UNIX_EPOCH,
            key: key.into(),
            value,
            headers: Vec::new(),
        }
    }

    /// Where it is, for error messages.
    pub(crate) fn position(&self) -> Position {
        Position {
            topic: self.topic.to_string(),
            partition: self.partition,
            offset: self.offset,
            key: Some(self.key.clone()),
        }
    }
}

impl<M: Message + Default> SinkRecord<M> {
    /// # Errors
    ///
    /// [`Error::Decode`] with the record's position.
    pub(crate) fn decode(topic: &Arc<str>, partition: i32, record: &Record<'_>) -> Result<Self> {
        let undecodable = |reason| Error::Decode {
            at: record.position(topic, partition),
            reason,
        };
        let key = record.text_key().map_err(undecodable)?;
        let value = record.value.map(M::decode).transpose().map_err(|error| {
            undecodable(format!(
                "its value is not a {}: {error}",
                message_name::<M>()
            ))
        })?;
        let headers = record.headers.iter();
        Ok(Self {
            topic: Arc::clone(topic),
            partition,
            offset: record.offset,
            timestamp: time_of(record.timestamp),
            key: key.to_owned(),
            value,
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_vec()))
                .collect(),
        })
    }
}
