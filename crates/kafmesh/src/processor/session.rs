//! One processor's time in its group: answers the group's events with tasks.
//!
//! The group's events arrive one at a time. A revocation is answered only after the tasks concerned
//! have stopped and committed; that is what hands partitions over without a record handled twice.
//! Under the protocol `classic` every event is about all partitions; under `consumer` (KIP-848) about
//! those that move, and the tasks of the others go on.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::core::Processor;
use super::member::Member;
use super::owned::{Numbers, Owned};
use super::task::{Out, Task, TaskInput, TaskState};
use super::tasks::Tasks;
use super::work::Work;
use crate::error::{Error, Result};
use crate::halt::Halt;
use crate::kafka::{
    GroupConsumer, GroupEvent, LEAVING, OutTopic, Producer, REVOCATION, TopicPartition, listed,
};
use crate::observe::Held;
use crate::retry::retry;

pub(super) struct Session<'a, P: Processor> {
    member: &'a Member<P>,
    consumer: GroupConsumer,
    producer: Producer,
    outputs: Box<[OutTopic]>,
    owned: Owned,
    tasks: Tasks,
}

impl<'a, P: Processor> Session<'a, P> {
    /// Joins the group.
    pub(super) fn open(member: &'a Member<P>) -> Result<Self> {
        let descriptor = member.processor.descriptor();
        let topics: Vec<&str> = descriptor.inputs.iter().map(|input| input.topic).collect();
        let consumer = member.cluster.group_consumer(descriptor.group, &topics)?;
        let producer = member.cluster.producer(descriptor.group)?;
        let topics = descriptor.outputs.iter().map(|output| output.topic.topic);
        let outputs = topics
            .map(|topic| producer.topic(topic, member.count(topic)))
            .collect::<Result<_>>()?;
        let inputs = descriptor.inputs.iter().map(|input| input.topic);
        let owned = Owned::new(inputs.map(|topic| (topic, member.count(topic))));
        Ok(Self {
            member,
            consumer,
            producer,
            outputs,
            owned,
            tasks: Tasks::default(),
        })
    }

    /// Handles what is assigned until the service stops; then commits and leaves the group.
    pub(super) async fn run(mut self, halt: &Halt) -> Result<()> {
        let member = self.member;
        let fail = |error| halt.fail(member.stopped(error));
        loop {
            tokio::select! {
                biased;
                () = halt.asked() => break,
                Some(ended) = self.tasks.next_ended() => ended.unwrap_or_else(fail),
                event = self.consumer.next_event() => tokio::select! {
                    biased;
                    () = halt.asked() => break,
                    answered = self.answer(event, fail) => answered.unwrap_or_else(fail),
                },
            }
        }
        let deadline = Instant::now() + member.config.shutdown_timeout;
        self.tasks.stop_all(fail).await;
        // If the brokers do not answer, the group finds out by itself.
        let _ = timeout(LEAVING, self.consumer.close()).await;
        let left = deadline.saturating_duration_since(Instant::now());
        self.producer.close(left).await
    }

    async fn answer(&mut self, event: GroupEvent, fail: impl Fn(Error)) -> Result<()> {
        let processor = &self.member.title;
        match event {
            GroupEvent::Assigned(partitions) => {
                tracing::info!(processor, partitions = %listed(&partitions), "partitions assigned");
                self.take(&partitions, fail).await
            }
            GroupEvent::Revoked(partitions) => {
                tracing::info!(processor, partitions = %listed(&partitions), "partitions revoked");
                self.give_back(&partitions, fail).await
            }
            GroupEvent::Lost(partitions) => {
                tracing::warn!(processor, partitions = %listed(&partitions), "partitions lost: the group went on without this member");
                self.give_up(&partitions).await
            }
            GroupEvent::Failed(error) => Err(error),
        }
    }

    /// `partitions` came. Those whose number is not complete wait, unread, for the others.
    async fn take(&mut self, partitions: &[TopicPartition], fail: impl Fn(Error)) -> Result<()> {
        let mut numbers = self.owned.add(partitions);
        numbers.retain(|number| self.owned.is_complete(*number));
        if self.tasks.runs_any(&numbers) {
            // An input was given more partitions; the task goes on with that one as well.
            self.tasks.stop(&numbers, fail).await;
            self.consumer.release(&self.owned.of(&numbers)).await?;
        }
        self.start(&numbers).await
    }

    /// `partitions` go: lets their tasks commit and end. What stays of a number waits, unread.
    async fn give_back(
        &mut self,
        partitions: &[TopicPartition],
        fail: impl Fn(Error),
    ) -> Result<()> {
        let numbers = partitions.iter().map(|at| at.partition).collect();
        let stopping = self.tasks.stop(&numbers, fail);
        if timeout(REVOCATION, stopping).await.is_err() {
            tracing::warn!(processor = %self.member.title, "a handler did not end within {REVOCATION:?} of a revocation; its partitions are given up without a commit");
            self.give_up(partitions).await?;
            let mut left = self.owned.numbers();
            left.retain(|number| self.owned.is_complete(*number));
            // The group has its answer; these go on from their last commit.
            return if left.is_empty() {
                Ok(())
            } else {
                self.start(&left).await
            };
        }
        let stopped = self.owned.of(&numbers);
        self.owned.remove(partitions);
        self.consumer.release(&stopped).await
    }

    /// `partitions` are somebody else's: ends all tasks, those of others as well, without a commit.
    ///
    /// What the tasks have sent and nobody has acknowledged must not be delivered later: their changes
    /// of state would follow the new owner's in the changelog, and win. They share a producer.
    async fn give_up(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.tasks.abort_all().await;
        let purged = self.producer.purge().await;
        let all = self.owned.of(&self.owned.numbers());
        self.owned.remove(partitions);
        self.consumer.release(&all).await.and(purged)
    }

    /// Starts the tasks of `numbers`, which are complete; with none of them, tells the group so.
    async fn start(&mut self, numbers: &Numbers) -> Result<()> {
        let member = self.member;
        let sources = self.owned.of(numbers);
        let committed = if sources.is_empty() {
            Vec::new()
        } else {
            retry(|| self.consumer.committed(&sources)).await?
        };
        let mut states = BTreeMap::new();
        for &number in numbers {
            states.insert(number, member.state_table(number)?);
        }
        let mut starts = Vec::with_capacity(sources.len());
        for (source, committed) in sources.into_iter().zip(committed) {
            let start = match (committed, &states[&source.partition]) {
                (None, Some(table)) => member.remembered(table, &source).await?,
                (committed, _) => committed,
            };
            starts.push((source, start));
        }
        let streams = self.consumer.accept(&starts).await?;

        let mut inputs = BTreeMap::<i32, (Held, Vec<TaskInput>)>::new();
        let topics = member.processor.descriptor().inputs;
        for ((source, start), stream) in starts.into_iter().zip(streams) {
            let Some(index) = topics
                .iter()
                .position(|input| *input.topic == *source.topic)
            else {
                continue;
            };
            let number = source.partition;
            let (observed, inputs) = inputs
                .entry(number)
                .or_insert_with(|| (member.observed.hold(number), Vec::new()));
            inputs.push(TaskInput {
                index,
                position: observed.reads(&source.topic, start, Box::new(stream.end())),
                source,
                stream,
                handled: start,
                committed: start,
            });
        }
        for (number, (observed, inputs)) in inputs {
            let state = states.remove(&number).flatten();
            let stop = CancellationToken::new();
            let mut work = Work::new(
                self.outputs.clone(),
                state,
                member.tables(number)?,
                member.config.state_cache_bytes,
                member.largest_record(),
            );
            work.tap = member.tap();
            let task = Task {
                processor: Arc::clone(&member.processor),
                partition: number,
                inputs,
                work,
                changelog: member.changelog(&self.producer)?,
                join_reader: member.joins.as_ref().map(|joins| joins.reader.clone()),
                out: Out {
                    producer: self.producer.clone(),
                    lane: self.producer.lane(),
                },
                committer: self.consumer.committer(),
                commit_interval: member.config.commit_interval,
                stop: stop.clone(),
                state: TaskState::Restoring,
                due: Instant::now(),
                turn: 0,
                observed,
            };
            let span = tracing::error_span!("task", partition = number);
            self.tasks.spawn(number, stop, task.run().instrument(span));
        }
        member.observed.partitions.started();
        Ok(())
    }
}
