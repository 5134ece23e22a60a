//! Membership in a consumer group.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::rdkafka::consumer::Consumer as _;
use ::rdkafka::error::KafkaError;
use ::rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use ::rdkafka::types::RDKafkaErrorCode;
use tokio::sync::{mpsc, oneshot};

use super::client::{ConsumerHandle, REQUEST_TIMEOUT, blocking};
use super::config::Properties;
use super::context::Context;
use super::ffi::{self, PartitionQueue};
use super::stream::PartitionStream;
use crate::error::{Error, Result};
use crate::kafka::TopicPartition;

/// How long a closed client waits for the last of its streams, batches and committers.
const HELD: Duration = Duration::from_secs(5);

/// What happens to a member of a group.
#[derive(Debug)]
pub(crate) enum GroupEvent {
    /// These partitions are the member's: restore, then [`accept`](GroupConsumer::accept).
    Assigned(Vec<TopicPartition>),
    /// All partitions move: stop, commit, then [`release`](GroupConsumer::release). The group waits
    /// for it, up to `max.poll.interval.ms`.
    Revoked(Vec<TopicPartition>),
    /// All partitions have moved already (the session expired): commits are refused. Drop what belongs
    /// to them, then [`release`](GroupConsumer::release).
    Lost(Vec<TopicPartition>),
    /// The membership cannot go on.
    Failed(Error),
}

/// How a commit ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committed {
    /// The broker has the offsets.
    Stored,
    /// It has not: the group went on without this member, and `Lost` follows.
    Refused,
}

/// A member of a group. One thread of its own keeps the membership alive, whatever tasks do.
pub(crate) struct GroupConsumer {
    member: Committer,
    events: mpsc::UnboundedReceiver<GroupEvent>,
    closed: oneshot::Receiver<()>,
    membership: Membership,
}

/// Tells the member's thread to leave the group when it is dropped.
struct Membership(Arc<Context>);

/// Commits offsets for a group's member; cheap to clone, one per task.
#[derive(Clone)]
pub(crate) struct Committer {
    consumer: Arc<ConsumerHandle>,
    group: Arc<str>,
}

impl GroupConsumer {
    pub(super) fn new(properties: &Properties, group: &str, topics: &[&str]) -> Result<Self> {
        let (send, events) = mpsc::unbounded_channel();
        let context = Context::of_member(format!("group {group}"), send);
        let consumer = Arc::new(ConsumerHandle::new(&properties.member(group), context)?);
        consumer
            .subscribe(topics)
            .map_err(|error| super::failed(format!("joining group {group}"), &error))?;
        let membership = Membership(Arc::clone(consumer.context()));
        let (done, closed) = oneshot::channel();
        let served = Arc::clone(&consumer);
        super::client::spawn("kafmesh-group", move || {
            while !served.context().is_closing() {
                served.serve();
            }
            leave(served);
            // Nobody waits when the group consumer was dropped.
            let _ = done.send(());
        })?;
        Ok(Self {
            member: Committer {
                consumer,
                group: group.into(),
            },
            events,
            closed,
            membership,
        })
    }

    /// Waits for the next event; answer `Assigned` with `accept`, `Revoked` and `Lost` with `release`.
    pub(crate) async fn next_event(&mut self) -> GroupEvent {
        match self.events.recv().await {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }

    /// Begins to read the assigned partitions, each from its offset; `None` is the committed one, or
    /// the earliest if there is none. Only these: a partition left out is not read.
    pub(crate) async fn accept(
        &self,
        partitions: &[(TopicPartition, Option<i64>)],
    ) -> Result<Vec<PartitionStream>> {
        let consumer = &self.member.consumer;
        let action = || format!("taking over partitions as group {}", self.member.group);
        let mut streams = Vec::with_capacity(partitions.len());
        let mut assignment = TopicPartitionList::with_capacity(partitions.len());
        for (at, start) in partitions {
            let offset = start.map_or(Offset::Stored, Offset::Offset);
            assignment
                .add_partition_offset(&at.topic, at.partition, offset)
                .map_err(|error| super::failed(action(), &error))?;
            let queue =
                PartitionQueue::split(consumer, &at.topic, at.partition).ok_or_else(|| {
                    Error::Kafka {
                        action: action(),
                        reason: format!("topic {} has no partition {}", at.topic, at.partition),
                        retriable: false,
                    }
                })?;
            streams.push(PartitionStream::new(at.clone(), queue, None));
        }
        let assigned = Arc::clone(consumer);
        let action = action();
        blocking(move || {
            assigned
                .assign(&assignment)
                .map_err(|error| super::failed(action, &error))
        })
        .await?;
        Ok(streams)
    }

    /// Gives all partitions back, so that the group can go on. Their streams must be dropped before.
    pub(crate) async fn release(&self) -> Result<()> {
        let consumer = Arc::clone(&self.member.consumer);
        let action = format!("giving back partitions as group {}", self.member.group);
        blocking(move || {
            consumer
                .unassign()
                .map_err(|error| super::failed(action, &error))
        })
        .await
    }

    /// The group's committed offset of each partition.
    pub(crate) async fn committed(
        &self,
        partitions: &[TopicPartition],
    ) -> Result<Vec<Option<i64>>> {
        let consumer = Arc::clone(&self.member.consumer);
        let action = format!(
            "asking for the committed offsets of group {}",
            self.member.group
        );
        let partitions = partitions.to_vec();
        blocking(move || {
            let mut asked = TopicPartitionList::with_capacity(partitions.len());
            for at in &partitions {
                asked.add_partition(&at.topic, at.partition);
            }
            let found = consumer
                .committed_offsets(asked, REQUEST_TIMEOUT)
                .map_err(|error| super::failed_on_existing(action.clone(), &error))?;
            let offset_of = |at: &TopicPartition| {
                let Some(element) = found.find_partition(&at.topic, at.partition) else {
                    return Ok(None);
                };
                element
                    .error()
                    .map_err(|error| super::failed_on_existing(action.clone(), &error))?;
                Ok(match element.offset() {
                    Offset::Offset(offset) => Some(offset),
                    _ => None,
                })
            };
            partitions.iter().map(offset_of).collect()
        })
        .await
    }

    /// A handle that commits, for tasks.
    pub(crate) fn committer(&self) -> Committer {
        self.member.clone()
    }

    /// Leaves the group; resolves when the broker knows (a static member only stops) and the client is
    /// gone, or after 5 s if streams, batches or committers of it are still held.
    ///
    /// Whatever is still assigned is given back as it is: stop and commit before.
    pub(crate) async fn close(self) {
        let Self {
            member,
            events,
            closed,
            membership,
        } = self;
        drop((member, events, membership));
        // An error means that the thread is gone already.
        let _ = closed.await;
    }
}

impl Committer {
    /// Commits the offset to go on from for each partition; resolves when the broker has stored them.
    ///
    /// # Errors
    /// [`Error::Kafka`] when the broker could not, or would not for good, store them.
    pub(crate) async fn commit(&self, offsets: &[(TopicPartition, i64)]) -> Result<Committed> {
        let action = || format!("committing offsets of group {}", self.group);
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (at, offset) in offsets {
            list.add_partition_offset(&at.topic, at.partition, Offset::Offset(*offset))
                .map_err(|error| super::failed(action(), &error))?;
        }
        use RDKafkaErrorCode as Code;
        match ffi::commit(&self.consumer, list).await {
            Ok(()) => Ok(Committed::Stored),
            Err(Code::IllegalGeneration | Code::UnknownMemberId | Code::AssignmentLost) => {
                Ok(Committed::Refused)
            }
            Err(code) => Err(super::failed_on_existing(
                action(),
                &KafkaError::ConsumerCommit(code),
            )),
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Leaves the group, and destroys the client as soon as nobody holds on to it.
fn leave(mut consumer: Arc<ConsumerHandle>) {
    // A revocation that nobody answered would keep the group waiting.
    if let Err(error) = consumer.unassign() {
        tracing::warn!(target: "kafmesh::kafka", client = consumer.context().client(), "leaving the group: {error}");
    }
    consumer.unsubscribe();
    let since = Instant::now();
    while since.elapsed() < HELD {
        match Arc::try_unwrap(consumer) {
            Ok(consumer) => return consumer.destroy(),
            Err(held) => {
                held.serve();
                consumer = held;
            }
        }
    }
    tracing::warn!(target: "kafmesh::kafka", client = consumer.context().client(), "records of the closed client are still held after {HELD:?}");
}

/// The partitions of librdkafka's list; those of one topic share its name.
pub(super) fn partitions_of(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let mut topics = HashMap::<String, Arc<str>>::new();
    let elements = list.elements();
    let named = elements.iter().map(|element| {
        let topic = topics
            .entry(element.topic().to_owned())
            .or_insert_with(|| element.topic().into());
        TopicPartition {
            topic: Arc::clone(topic),
            partition: element.partition(),
        }
    });
    named.collect()
}
