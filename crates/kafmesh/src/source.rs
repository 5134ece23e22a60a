//! Sources: how a service's own code gets records into Kafka.

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use prost::Message;

use crate::error::{Error, Result};
use crate::kafka::{OutTopic, Outbox, Producer, millis_of, partition_of};
use crate::memory::{Emitted, Log};
use crate::observe::Counts;

/// Emits messages of one type to one topic.
///
/// Cheap to clone; clones share the connection. In tests, [`Source::in_memory`] gives the same type
/// without a broker.
///
/// ```
/// # #[derive(Clone, PartialEq, prost::Message)] struct Click { #[prost(string, tag = "1")] page: String }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> kafmesh::Result<()> {
/// let (clicks, emitted) = kafmesh::Source::<Click>::in_memory();
/// clicks.emit("user-1", &Click { page: "/".into() }).await?;
/// assert_eq!(emitted.records()?[0].key, "user-1");
/// # Ok(()) }
/// ```
pub struct Source<M> {
    topic: Arc<str>,
    way: Way,
    message: PhantomData<fn(&M)>,
}

#[derive(Clone)]
enum Way {
    Kafka {
        producer: Producer,
        topic: OutTopic,
        counts: Arc<Counts>,
    },
    Memory(Log),
    /// The client refused the topic; every emit tells why.
    Refused(Arc<str>),
}

/// What a record carries besides key and message.
///
/// ```
/// let metadata = kafmesh::Metadata::default()
///     .with_timestamp(std::time::SystemTime::UNIX_EPOCH)
///     .with_header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
/// assert_eq!(metadata.headers.len(), 1);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// When it happened; the time of the call when `None`.
    pub timestamp: Option<SystemTime>,
    /// Headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Metadata {
    /// Sets when it happened.
    #[must_use]
    pub fn with_timestamp(mut self, timestamp: SystemTime) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl<M: Message> Source<M> {
    pub(crate) fn kafka(
        producer: Producer,
        name: &str,
        partitions: i32,
        counts: Arc<Counts>,
    ) -> Self {
        let way = match producer.topic(name, partitions) {
            Ok(topic) => Way::Kafka {
                producer,
                topic,
                counts,
            },
            Err(error) => Way::Refused(error.to_string().into()),
        };
        Self {
            topic: name.into(),
            way,
            message: PhantomData,
        }
    }

    pub(crate) fn memory(log: Log, name: &str) -> Self {
        Self {
            topic: name.into(),
            way: Way::Memory(log),
            message: PhantomData,
        }
    }

    /// A source without a broker, and what it emits.
    pub fn in_memory() -> (Self, Emitted<M>) {
        const TOPIC: &str = "in memory";
        let log = Log::new();
        (Self::memory(log.clone(), TOPIC), Emitted::new(log, TOPIC))
    }

    /// The topic it emits to.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Emits `message` under `key`; returns when all in-sync replicas have it.
    ///
    /// Emits under way at the same time share batches: for throughput run many concurrently, or use
    /// [`emit_all`](Self::emit_all).
    ///
    /// # Errors
    ///
    /// [`Error::NotDelivered`](crate::Error::NotDelivered) when the record did not get there; it
    /// may be emitted again.
    pub async fn emit(&self, key: impl AsRef<str>, message: &M) -> Result<()> {
        self.emit_with(key, message, &Metadata::default()).await
    }

    /// Like [`emit`](Self::emit), with a timestamp and headers of your own.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub async fn emit_with(
        &self,
        key: impl AsRef<str>,
        message: &M,
        metadata: &Metadata,
    ) -> Result<()> {
        let outbox = self.fill([(key, Some(message))], metadata);
        self.deliver(outbox).await
    }

    /// Emits many messages, in order; returns when all in-sync replicas have them all.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit), for the first that was not delivered; others may have been.
    pub async fn emit_all<K, B>(&self, messages: impl IntoIterator<Item = (K, B)>) -> Result<()>
    where
        K: AsRef<str>,
        B: Borrow<M>,
    {
        let outbox = self.fill(
            messages
                .into_iter()
                .map(|(key, message)| (key, Some(message))),
            &Metadata::default(),
        );
        self.deliver(outbox).await
    }

    /// Emits a delete: a record without value, which removes `key` from compacted topics and views.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub async fn delete(&self, key: impl AsRef<str>) -> Result<()> {
        self.delete_with(key, &Metadata::default()).await
    }

    /// Like [`delete`](Self::delete), with a timestamp and headers of your own.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub async fn delete_with(&self, key: impl AsRef<str>, metadata: &Metadata) -> Result<()> {
        let outbox = self.fill([(key, None::<&M>)], metadata);
        self.deliver(outbox).await
    }

    fn fill<K, B>(
        &self,
        messages: impl IntoIterator<Item = (K, Option<B>)>,
        metadata: &Metadata,
    ) -> Outbox
    where
        K: AsRef<str>,
        B: Borrow<M>,
    {
        let (topic, now) = match &self.way {
            Way::Kafka { topic, .. } => (*topic, SystemTime::now()),
            Way::Memory(log) => (
                OutTopic {
                    index: 0,
                    partitions: 1,
                },
                log.now(),
            ),
            Way::Refused(_) => return Outbox::default(),
        };
        let timestamp = millis_of(metadata.timestamp.unwrap_or(now));
        let mut outbox = Outbox::default();
        for (key, message) in messages {
            let key = key.as_ref().as_bytes();
            let write = message
                .map(|message| move |buffer: &mut Vec<u8>| message.borrow().encode_raw(buffer));
            outbox.append(
                topic,
                partition_of(key, topic.partitions),
                timestamp,
                key,
                write,
            );
            for (name, value) in &metadata.headers {
                outbox.header(name, value);
            }
        }
        outbox
    }

    async fn deliver(&self, mut outbox: Outbox) -> Result<()> {
        match &self.way {
            Way::Kafka {
                producer, counts, ..
            } => {
                let (records, bytes) = (outbox.len() as u64, outbox.bytes() as u64);
                let lane = producer.lane();
                let delivered = match producer.send_all(&lane, &mut outbox).await {
                    Ok(()) => lane.drained().await,
                    Err(error) => Err(error),
                };
                match (&delivered, counts.sent()) {
                    (Ok(()), [topic]) => topic.add(records, bytes),
                    _ => counts.errors.add(1),
                }
                delivered
            }
            Way::Refused(reason) => Err(Error::NotDelivered {
                topic: self.topic.to_string(),
                reason: reason.to_string(),
            }),
            Way::Memory(log) => log.append(
                &self.topic,
                outbox.records().map(|record| record.to_owned()),
            ),
        }
    }
}

impl<M> Clone for Source<M> {
    fn clone(&self) -> Self {
        Self {
            topic: Arc::clone(&self.topic),
            way: self.way.clone(),
            message: PhantomData,
        }
    }
}

impl<M> std::fmt::Debug for Source<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}
