//! The records of one partition, batch by batch.

use std::collections::VecDeque;
use std::sync::Arc;

use ::rdkafka::types::RDKafkaErrorCode;

use super::ffi::{Message, Messages, PartitionQueue};
use super::reader::Fetching;
use crate::error::Result;
use crate::kafka::{Batch, TopicPartition};

/// Records per batch: enough that what is done per batch does not show, little enough that a batch is
/// done in about a millisecond and its records are still in the processor's cache.
const BATCH: usize = 1000;

/// What comes next in a partition.
pub(crate) enum Polled {
    /// Records, at least one.
    Records(Batch),
    /// Everything before this offset has been returned. From readers only.
    End(i64),
}

/// One partition's records, in order. Nothing more is fetched than its bounded queue takes, so whoever
/// does not call [`next`](Self::next) stops the flow.
pub(crate) struct PartitionStream {
    at: TopicPartition,
    /// Fetched and not returned yet. Before the queue, whose client they must not outlive.
    taken: VecDeque<Message>,
    /// The partition is fetched for this stream alone; stops before the queue goes.
    fetching: Option<Fetching>,
    queue: PartitionQueue,
}

impl PartitionStream {
    pub(super) fn new(
        at: TopicPartition,
        queue: PartitionQueue,
        fetching: Option<Fetching>,
    ) -> Self {
        Self {
            at,
            taken: VecDeque::new(),
            fetching,
            queue,
        }
    }

    pub(crate) fn at(&self) -> &TopicPartition {
        &self.at
    }

    /// Tells the offset after the partition's last record, as the broker said with the last fetch;
    /// `None` before the first. What lies between a position and it is the lag. Sends no request.
    pub(crate) fn end(&self) -> impl Fn() -> Option<i64> + Send + Sync + use<> {
        self.queue.end()
    }

    /// Waits for the next records. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// [`Error::Kafka`](crate::Error::Kafka) when the partition cannot be read on: the topic is gone,
    /// access is denied, the offset does not exist. A reader's also when the client as
    /// a whole cannot go on; a member is told of that by its events.
    pub(crate) async fn next(&mut self) -> Result<Polled> {
        loop {
            if self.taken.is_empty() {
                let mut messages = Vec::from(std::mem::take(&mut self.taken));
                self.queue.take(&mut messages, BATCH);
                self.taken = messages.into();
            }
            let Some(first) = self.taken.front() else {
                tokio::select! {
                    biased;
                    () = self.queue.filled() => continue,
                    error = self.queue.consumer().context().failing() => return Err(error),
                }
            };
            if first.error().is_none() {
                let records = self
                    .taken
                    .iter()
                    .position(|message| message.error().is_some())
                    .unwrap_or(self.taken.len());
                let messages = self.taken.drain(..records).collect();
                let messages = Messages::new(messages, Arc::clone(self.queue.consumer()));
                return Ok(Polled::Records(Batch::rdkafka(
                    Arc::clone(&self.at.topic),
                    self.at.partition,
                    messages,
                )));
            }
            if let Some(message) = self.taken.pop_front()
                && let Some(end) = self.report(&message)?
            {
                return Ok(Polled::End(end));
            }
        }
    }

    /// What stands in a record's place: the end, an error to stop at, or one the client recovers from.
    fn report(&self, message: &Message) -> Result<Option<i64>> {
        use RDKafkaErrorCode as Code;
        let TopicPartition { topic, partition } = &self.at;
        match message.error() {
            None => Ok(None),
            Some(Code::PartitionEOF) => Ok(Some(message.offset())),
            Some(code) if super::is_retriable(code) => {
                tracing::debug!(target: "kafmesh::kafka", %topic, partition, "{}", message.error_text());
                Ok(None)
            }
            Some(code) => {
                let mut reason = match message.error_text() {
                    text if text.is_empty() => super::reason(code),
                    text => text,
                };
                // A reader knew that the offset was there; what it read into has to be made again.
                if self.fetching.is_some() && is_about_another_topic(code) {
                    reason.push_str(
                        "; the topic was truncated, deleted or created anew: start the service again to rebuild its local copy",
                    );
                }
                Err(crate::Error::Kafka {
                    action: format!("reading topic {topic}, partition {partition}"),
                    reason,
                    retriable: false,
                })
            }
        }
    }
}

impl AsMut<PartitionStream> for PartitionStream {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

/// Whether a partition that could be read from an offset is not there any more, or its records are not.
fn is_about_another_topic(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::OffsetOutOfRange
            | Code::AutoOffsetReset
            | Code::UnknownTopic
            | Code::UnknownTopicOrPartition
            | Code::UnknownTopicId
            | Code::UnknownPartition
    )
}
