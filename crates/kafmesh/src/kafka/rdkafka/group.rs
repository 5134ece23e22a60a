//! Membership in a consumer group.
//!
//! A group has one of two protocols, as `group.protocol` says. Under `classic` a rebalance moves
//! everything: one event revokes all partitions, the next assigns all that are the member's now.
//! Under `consumer` (KIP-848) the broker decides, and events are about the partitions that change
//! hands; streams of the others stay as they are. Until an event is answered librdkafka fetches
//! nothing, though.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::rdkafka::consumer::{BaseConsumer, Consumer as _, RebalanceProtocol};
use ::rdkafka::error::{KafkaError, KafkaResult};
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

/// What happens to a member of a group. The next event comes only after this one was answered.
///
/// Under the protocol `classic` each event is about everything the member has. Under `consumer` it
/// is about what changes hands, and possibly nothing (an empty list wants its answer, too): a
/// partition that is not named goes on as it is. Partitions of one number usually change hands
/// together, whatever their topic, but may arrive in two events when they come from two members.
#[derive(Debug)]
pub(crate) enum GroupEvent {
    /// These partitions are the member's as well: answer with [`accept`](GroupConsumer::accept),
    /// which leaves those it has alone.
    Assigned(Vec<TopicPartition>),
    /// These partitions move: stop what belongs to them, commit, drop their streams, then
    /// [`release`](GroupConsumer::release) exactly these. The group waits for it, up to
    /// `max.poll.interval.ms` under `classic`; under `consumer` only who gets them waits.
    Revoked(Vec<TopicPartition>),
    /// These partitions have moved already (the session expired), and they are all the member had:
    /// commits are refused. Drop what belongs to them, then [`release`](GroupConsumer::release).
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
        let (served, is_static) = (Arc::clone(&consumer), properties.is_static());
        super::client::spawn("kafmesh-group", move || {
            while !served.context().is_closing() {
                served.serve();
            }
            leave(served, is_static);
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

    /// Begins to read partitions of the last `Assigned`, each from its offset; `None` is the committed
    /// one, or the earliest if there is none. A partition of the event that is left out is not read.
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
            take(&assigned, &assignment).map_err(|error| super::failed(action, &error))
        })
        .await?;
        Ok(streams)
    }

    /// Gives back the partitions of a `Revoked` or `Lost`, so that the group can go on. Their streams
    /// must be dropped before. Under the protocol `classic` those are all, and all are given back.
    pub(crate) async fn release(&self, partitions: &[TopicPartition]) -> Result<()> {
        let consumer = Arc::clone(&self.member.consumer);
        let action = format!("giving back partitions as group {}", self.member.group);
        let partitions = partitions.to_vec();
        blocking(move || {
            give_back(&consumer, &partitions).map_err(|error| super::failed(action, &error))
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

    /// Leaves the group; resolves when the broker knows and the client is gone, or after 5 s if
    /// streams, batches or committers of it are still held. A static member (`group.instance.id`)
    /// does not leave: it only stops, and its partitions are kept for it.
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
        if offsets.is_empty() {
            return Ok(Committed::Stored);
        }
        let action = || format!("committing offsets of group {}", self.group);
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (at, offset) in offsets {
            list.add_partition_offset(&at.topic, at.partition, Offset::Offset(*offset))
                .map_err(|error| super::failed(action(), &error))?;
        }
        use RDKafkaErrorCode as Code;
        match ffi::commit(&self.consumer, list).await {
            Ok(()) => Ok(Committed::Stored),
            Err(
                Code::IllegalGeneration
                | Code::UnknownMemberId
                | Code::FencedMemberEpoch
                | Code::FencedInstanceId
                | Code::AssignmentLost,
            ) => Ok(Committed::Refused),
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

/// Answers an assignment: reads `partitions`, too.
pub(super) fn take(
    consumer: &BaseConsumer<Context>,
    partitions: &TopicPartitionList,
) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_assign(partitions),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(partitions),
    }
}

/// Answers a revocation of `partitions`.
pub(super) fn give_back(
    consumer: &BaseConsumer<Context>,
    partitions: &[TopicPartition],
) -> KafkaResult<()> {
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => {
            let held = consumer.assignment()?;
            let mut given = TopicPartitionList::with_capacity(partitions.len());
            // librdkafka refuses the answer as a whole if a partition in it was never accepted.
            for at in partitions {
                if held.find_partition(&at.topic, at.partition).is_some() {
                    given.add_partition(&at.topic, at.partition);
                }
            }
            consumer.incremental_unassign(&given)
        }
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    }
}

/// Leaves the group, and destroys the client as soon as nobody holds on to it.
fn leave(mut consumer: Arc<ConsumerHandle>, is_static: bool) {
    // A revocation that nobody answered would keep the group waiting.
    let given = consumer
        .assignment()
        .and_then(|held| give_back(&consumer, &partitions_of(&held)));
    if let Err(error) = given {
        tracing::warn!(target: "kafmesh::kafka", client = consumer.context().client(), "leaving the group: {error}");
    }
    // A static member's partitions are kept for it; an unsubscription would give them up.
    if !is_static {
        consumer.unsubscribe();
    }
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
