//! One processor in one process: a member of its consumer group, with a task per assigned partition.
//!
//! The group's events arrive one at a time. A revocation is answered only after every task of the
//! partitions it names has stopped and committed; that is what hands partitions over without a
//! record handled twice.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{self, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::core::Processor;
use super::joins::JoinReader;
use super::tables::Tables;
use super::task::{Changelog, Out, Task, TaskInput, TaskState};
use super::work::{LARGEST_RECORD, Work};
use crate::config::Config;
use crate::entries::Entries;
use crate::error::{Error, Result};
use crate::global::GlobalTable;
use crate::guard::said;
use crate::halt::Halt;
use crate::kafka::{
    Cluster, GroupConsumer, GroupEvent, OutTopic, Producer, Reader, TopicPartition,
};
use crate::observe::{Held, Observed};
use crate::retry::retry;
use crate::store::{CheckpointOf, Store, Table};

/// How long tasks may take to end when partitions move. The group waits for five minutes
/// (`max.poll.interval.ms`); a member that answers no revocation is out of it without knowing.
const REVOCATION: Duration = Duration::from_secs(240);

/// How long leaving the group may take.
const LEAVING: Duration = Duration::from_secs(5);

/// A processor ready to run.
pub(crate) struct Member<P: Processor> {
    pub(crate) processor: Arc<P>,
    /// As it is called in messages to people.
    pub(crate) title: String,
    pub(crate) config: Config,
    pub(crate) cluster: Cluster,
    /// When it has state.
    pub(crate) storage: Option<Storage>,
    /// When it has joins.
    pub(crate) joins: Option<JoinStorage>,
    /// In the order of the descriptor.
    pub(crate) lookups: Box<[GlobalTable]>,
    /// Partition counts of every topic it uses.
    pub(crate) partitions: BTreeMap<&'static str, i32>,
    pub(crate) observed: Observed,
}

/// Where state is kept, and what restores it.
pub(crate) struct Storage {
    pub(crate) store: Store,
    pub(crate) reader: Reader,
}

/// Where joined tables are kept, and what reads their topics.
pub(crate) struct JoinStorage {
    pub(crate) store: Store,
    pub(crate) reader: JoinReader,
}

/// The tasks, each of which lives from the assignment of its partition to its revocation.
#[derive(Default)]
struct Running {
    tasks: JoinSet<Result<()>>,
    /// The partition of every task that has not ended, and what stops it.
    live: HashMap<task::Id, (i32, CancellationToken)>,
}

impl<P: Processor> Member<P> {
    /// Runs until the service stops. The first failure is told at once, so that the other parts of
    /// the service stop, too, while the other partitions commit what they have done.
    pub(crate) async fn run(self, halt: Halt) -> Result<()> {
        let lived = self.live(&halt).await;
        self.observed.partitions.ended();
        lived.map_err(|error| self.stopped(error))
    }

    async fn live(&self, halt: &Halt) -> Result<()> {
        if !self.lookups_ready(halt).await {
            return Ok(());
        }
        let descriptor = self.processor.descriptor();
        let topics: Vec<&str> = descriptor.inputs.iter().map(|input| input.topic).collect();
        let mut consumer = self.cluster.group_consumer(descriptor.group, &topics)?;
        let producer = self.cluster.producer(descriptor.group)?;
        let topics = descriptor.outputs.iter().map(|output| output.topic.topic);
        let outputs = topics
            .map(|topic| producer.topic(topic, self.count(topic)))
            .collect::<Result<Box<[OutTopic]>>>()?;

        let fail = |error| halt.fail(self.stopped(error));
        let mut running = Running::default();
        loop {
            tokio::select! {
                biased;
                () = halt.asked() => break,
                Some(ended) = running.tasks.join_next_with_id() => running.ended(ended).unwrap_or_else(fail),
                event = consumer.next_event() => {
                    let answered = match event {
                        GroupEvent::Assigned(partitions) => tokio::select! {
                            biased;
                            () = halt.asked() => break,
                            started = self.start(&consumer, &producer, &outputs, partitions, &mut running) => started,
                        },
                        GroupEvent::Revoked(partitions) => {
                            tracing::info!(processor = %self.title, partitions = %numbers(&partitions), "partitions revoked");
                            let stopped = tokio::select! {
                                biased;
                                () = halt.asked() => break,
                                stopped = tokio::time::timeout(REVOCATION, running.stop(|number| partitions.iter().any(|at| at.partition == number), fail)) => stopped,
                            };
                            if stopped.is_err() {
                                tracing::warn!(processor = %self.title, "a handler did not end within {REVOCATION:?} of a revocation; its partitions are given up without a commit");
                                give_up(&mut running, &producer, &consumer, &partitions).await
                            } else {
                                consumer.release(&partitions).await
                            }
                        }
                        GroupEvent::Lost(partitions) => {
                            tracing::warn!(processor = %self.title, partitions = %numbers(&partitions), "partitions lost: the group went on without this member");
                            give_up(&mut running, &producer, &consumer, &partitions).await
                        }
                        GroupEvent::Failed(error) => Err(error),
                    };
                    answered.unwrap_or_else(fail);
                }
            }
        }
        let deadline = Instant::now() + self.config.shutdown_timeout;
        running.stop(|_| true, fail).await;
        // If the brokers do not answer, the group finds out by itself.
        let _ = tokio::time::timeout(LEAVING, consumer.close()).await;
        producer
            .close(deadline.saturating_duration_since(Instant::now()))
            .await
    }

    /// Waits until every lookup is complete; whether they are before the service stops. A lookup that
    /// fails stops it, with an error of its own.
    async fn lookups_ready(&self, halt: &Halt) -> bool {
        for lookup in &self.lookups {
            tokio::select! {
                biased;
                () = halt.asked() => return false,
                ready = lookup.ready() => if ready.is_err() {
                    halt.asked().await;
                    return false;
                }
            }
        }
        true
    }

    fn stopped(&self, error: Error) -> Error {
        Error::Stopped {
            object: self.title.clone(),
            source: Box::new(error),
        }
    }

    async fn start(
        &self,
        consumer: &GroupConsumer,
        producer: &Producer,
        outputs: &[OutTopic],
        assigned: Vec<TopicPartition>,
        running: &mut Running,
    ) -> Result<()> {
        tracing::info!(processor = %self.title, partitions = %numbers(&assigned), "partitions assigned");
        let descriptor = self.processor.descriptor();
        let committed = retry(|| consumer.committed(&assigned)).await?;
        let mut tables = BTreeMap::new();
        if let (Some(storage), Some(persistence)) = (&self.storage, &descriptor.persistence) {
            for source in &assigned {
                if let Entry::Vacant(place) = tables.entry(source.partition) {
                    let name = format!("{}-{}", persistence.topic, source.partition);
                    place.insert(storage.store.table(&name)?);
                }
            }
        }
        let mut starts = Vec::with_capacity(assigned.len());
        for (source, committed) in assigned.into_iter().zip(committed) {
            let start = match committed {
                Some(offset) => Some(offset),
                None => {
                    self.remembered(tables.get(&source.partition), &source)
                        .await?
                }
            };
            starts.push((source, start));
        }
        let streams = consumer.accept(&starts).await?;

        let mut inputs = BTreeMap::<i32, (Held, Vec<TaskInput>)>::new();
        for ((source, start), stream) in starts.into_iter().zip(streams) {
            let Some(index) = descriptor
                .inputs
                .iter()
                .position(|input| *input.topic == *source.topic)
            else {
                continue;
            };
            let (held, inputs) = inputs
                .entry(source.partition)
                .or_insert_with(|| (self.observed.hold(source.partition), Vec::new()));
            inputs.push(TaskInput {
                index,
                position: held.reads(&source.topic, start, Box::new(stream.end())),
                source,
                stream,
                handled: start,
                committed: start,
            });
        }
        for (partition, (observed, inputs)) in inputs {
            let changelog = match (&self.storage, &descriptor.persistence) {
                (Some(storage), Some(persistence)) => Some(Changelog {
                    name: persistence.topic.into(),
                    topic: producer.topic(persistence.topic, self.count(persistence.topic))?,
                    reader: storage.reader.clone(),
                    offset: 0,
                }),
                _ => None,
            };
            let stop = CancellationToken::new();
            let spawned = running.tasks.spawn(
                Task {
                    processor: Arc::clone(&self.processor),
                    partition,
                    inputs,
                    work: Work::new(
                        outputs.into(),
                        tables.remove(&partition),
                        self.tables(partition)?,
                        self.config.state_cache_bytes,
                        self.largest_record(),
                    ),
                    changelog,
                    join_reader: self.joins.as_ref().map(|joins| joins.reader.clone()),
                    out: Out {
                        producer: producer.clone(),
                        lane: producer.lane(),
                    },
                    committer: consumer.committer(),
                    commit_interval: self.config.commit_interval,
                    stop: stop.clone(),
                    state: TaskState::Restoring,
                    due: Instant::now(),
                    turn: 0,
                    observed,
                }
                .run(),
            );
            running.live.insert(spawned.id(), (partition, stop));
        }
        self.observed.partitions.started();
        Ok(())
    }

    /// What records of `partition` are joined with and looked up in.
    fn tables(&self, partition: i32) -> Result<Tables> {
        let descriptor = self.processor.descriptor();
        let joins = match &self.joins {
            Some(joins) => descriptor
                .joins
                .iter()
                .map(|join| {
                    // Of this group alone, since each group has partitions of its own.
                    let name = format!("join-{}/{}-{partition}", descriptor.group, join.topic);
                    Ok(Entries::new(join.topic, joins.store.table(&name)?))
                })
                .collect::<Result<_>>()?,
            None => Box::default(),
        };
        let lookups = self.lookups.iter().map(|lookup| lookup.entries().clone());
        Ok(Tables {
            joins,
            lookups: lookups.collect(),
        })
    }

    /// Where the local table says its input was, for a group whose offsets have expired. Only if
    /// the changelog still holds what the table has: else the table is about to be rebuilt from a
    /// changelog that knows nothing of that input.
    async fn remembered(
        &self,
        table: Option<&Table>,
        source: &TopicPartition,
    ) -> Result<Option<i64>> {
        let (Some(storage), Some(table), Some(persistence)) = (
            &self.storage,
            table,
            &self.processor.descriptor().persistence,
        ) else {
            return Ok(None);
        };
        let partition = source.partition;
        let Some(input) = table.checkpoint(CheckpointOf {
            topic: &source.topic,
            partition,
        })?
        else {
            return Ok(None);
        };
        let changelog = table.checkpoint(CheckpointOf {
            topic: persistence.topic,
            partition,
        })?;
        let (low, high) = retry(|| storage.reader.watermarks(persistence.topic, partition)).await?;
        Ok(changelog
            .is_some_and(|offset| (low..=high).contains(&offset))
            .then_some(input))
    }

    fn largest_record(&self) -> usize {
        let set = self.config.kafka.get("message.max.bytes");
        set.and_then(|bytes| bytes.parse().ok())
            .unwrap_or(LARGEST_RECORD)
    }

    fn count(&self, topic: &str) -> i32 {
        self.partitions.get(topic).copied().unwrap_or(1)
    }
}

/// Leaves partitions to whoever has them now, without a commit.
///
/// What the tasks have sent and nobody has acknowledged must not be delivered later: their changes
/// of state would follow the new owner's in the changelog, and win.
async fn give_up(
    running: &mut Running,
    producer: &Producer,
    consumer: &GroupConsumer,
    partitions: &[TopicPartition],
) -> Result<()> {
    running.abort().await;
    let purged = producer.purge().await;
    consumer.release(partitions).await.and(purged)
}

impl Running {
    /// Lets the tasks of the partitions `which` names commit and end; `fail` is told the errors.
    async fn stop(&mut self, which: impl Fn(i32) -> bool, fail: impl Fn(Error)) {
        for (number, stop) in self.live.values() {
            if which(*number) {
                stop.cancel();
            }
        }
        while self.live.values().any(|(number, _)| which(*number))
            && let Some(ended) = self.tasks.join_next_with_id().await
        {
            self.ended(ended).unwrap_or_else(&fail);
        }
    }

    /// Ends every task where it stands, without a commit.
    async fn abort(&mut self) {
        self.tasks.shutdown().await;
        self.live.clear();
    }

    fn ended(&mut self, ended: Result<(task::Id, Result<()>), task::JoinError>) -> Result<()> {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        self.live.remove(&id);
        flat(ended.map(|(_, result)| result))
    }
}

/// A task that panicked is a task that failed.
fn flat(ended: Result<Result<()>, task::JoinError>) -> Result<()> {
    match ended {
        Ok(result) => result,
        Err(error) if error.is_cancelled() => Ok(()),
        Err(error) => {
            let said = error
                .try_into_panic()
                .map_or_else(|error| error.to_string(), |panic| said(&*panic));
            Err(Error::handler(format!("its task panicked: {said}")))
        }
    }
}

fn numbers(partitions: &[TopicPartition]) -> String {
    let mut text = String::new();
    for partition in partitions {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&format!("{}/{}", partition.topic, partition.partition));
    }
    text
}
