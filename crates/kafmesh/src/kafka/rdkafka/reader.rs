//! Reads partitions without a group: restores and views.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use ::rdkafka::consumer::Consumer as _;

use super::client::{Cluster, ConsumerHandle, REQUEST_TIMEOUT, blocking};
use super::context::{Context, lock};
use super::ffi::{PartitionQueue, Topic};
use super::stream::PartitionStream;
use crate::error::{Error, Result};
use crate::kafka::{TopicId, TopicPartition};

/// Reads any number of partitions from given offsets, and tells where they end. Clones share a client.
#[derive(Clone)]
pub(crate) struct Reader {
    cluster: Cluster,
    consumer: Arc<ConsumerHandle>,
    /// librdkafka has one queue per partition, so a client can read a partition only once at a time.
    open: Arc<Mutex<HashSet<TopicPartition>>>,
}

impl Reader {
    pub(super) fn new(cluster: &Cluster) -> Result<Self> {
        let consumer = Arc::new(ConsumerHandle::new(
            &cluster.properties.reader(),
            Context::new("reader"),
        )?);
        let served = Arc::downgrade(&consumer);
        // The handle lives in its users' hands; the thread ends with the last of them.
        super::client::spawn("kafmesh-read", move || {
            while let Some(consumer) = served.upgrade() {
                consumer.serve();
            }
        })?;
        Ok(Self {
            cluster: cluster.clone(),
            consumer,
            open: Arc::default(),
        })
    }

    /// The first offset there is and the one after the last.
    ///
    /// # Errors
    /// [`Error::Kafka`]; an unknown topic is retriable, since not every broker may have heard of a new
    /// one, and what the client does not recover from is not.
    pub(crate) async fn watermarks(&self, topic: &str, partition: i32) -> Result<(i64, i64)> {
        let consumer = Arc::clone(&self.consumer);
        let topic = topic.to_owned();
        let asked = blocking(move || {
            consumer
                .fetch_watermarks(&topic, partition, REQUEST_TIMEOUT)
                .map_err(|error| {
                    super::failed_on_existing(
                        format!("asking for the offsets of topic {topic}, partition {partition}"),
                        &error,
                    )
                })
        });
        tokio::select! {
            biased;
            answered = asked => answered,
            error = self.consumer.context().failing() => Err(error),
        }
    }

    /// The topic's id, as [`Cluster::topic_id`].
    pub(crate) async fn topic_id(&self, topic: &str) -> Result<Option<TopicId>> {
        self.cluster.topic_id(topic).await
    }

    /// Reads a partition from offset `from` on; dropping the stream ends it.
    ///
    /// The stream fails if `from` does not exist (any more): ask for [`watermarks`](Self::watermarks) first.
    ///
    /// # Errors
    /// [`Error::Kafka`] when another stream of this reader reads the partition.
    pub(crate) async fn open(
        &self,
        topic: &str,
        partition: i32,
        from: i64,
    ) -> Result<PartitionStream> {
        let at = TopicPartition {
            topic: topic.into(),
            partition,
        };
        let refuse = |reason: &str| Error::Kafka {
            action: format!("reading topic {topic}, partition {partition}"),
            reason: reason.to_owned(),
            retriable: false,
        };
        if !lock(&self.open).insert(at.clone()) {
            return Err(refuse("this reader reads it already; use another reader"));
        }
        let claim = Claim {
            at: at.clone(),
            open: Arc::clone(&self.open),
        };
        let queue = PartitionQueue::split(&self.consumer, topic, partition);
        let (Some(queue), Some(topic)) = (queue, Topic::new(self.consumer.client(), topic)) else {
            return Err(refuse("the name is not a topic's name"));
        };
        topic
            .start(partition, from)
            .map_err(|code| refuse(&super::reason(code)))?;
        Ok(PartitionStream::new(
            at,
            queue,
            Some(Fetching {
                topic,
                claim,
                _consumer: Arc::clone(&self.consumer),
            }),
        ))
    }
}

/// Fetches one partition for as long as it lives.
pub(super) struct Fetching {
    topic: Topic,
    claim: Claim,
    _consumer: Arc<ConsumerHandle>,
}

impl Drop for Fetching {
    fn drop(&mut self) {
        // Waits for the client's main thread, which does not wait for brokers.
        self.topic.stop(self.claim.at.partition);
    }
}

/// A partition that is being read; dropped after the fetching has stopped.
struct Claim {
    at: TopicPartition,
    open: Arc<Mutex<HashSet<TopicPartition>>>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        lock(&self.open).remove(&self.at);
    }
}
