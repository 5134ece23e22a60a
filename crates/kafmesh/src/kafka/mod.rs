//! The Kafka client behind one interface of batches; nothing outside this module names a client library.
//!
//! In: a [`Batch`] lends [`Record`]s. Out: an [`Outbox`] collects records, a [`Producer`] takes them
//! as a whole and acknowledges them as a watermark of a [`Lane`]. Asynchronous only at the edges of
//! a batch: `next`, `room`, `drained`, `commit`.

mod membership;
mod outbox;
mod partitioner;
mod rdkafka;
mod record;
mod turns;

pub(crate) use membership::{LEAVING, REVOCATION, listed};
pub(crate) use outbox::{Mark, OutTopic, Outbox};
pub(crate) use partitioner::partition_of;
#[cfg(test)]
pub(crate) use rdkafka::mock_with;
pub(crate) use rdkafka::{
    Cluster, ClusterTopics, Committed, Committer, GroupConsumer, GroupEvent, Lane, NewTopic,
    PartitionStream, Polled, Producer, Reader,
};
pub(crate) use record::{Batch, OwnedRecord, Record, millis_of, readable, time_of};
pub use record::{Headers, HeadersIter};
pub(crate) use turns::next_of;

/// What tells a topic from another of the same name, before it or in another cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TopicId(pub(crate) [u8; 16]);

/// A partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TopicPartition {
    pub(crate) topic: std::sync::Arc<str>,
    pub(crate) partition: i32,
}
