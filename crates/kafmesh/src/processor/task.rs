//! One partition of one processor: restore, process, commit, stop.
//!
//! ```text
//! Restoring ──▶ Running ──▶ Stopped
//!     │            │
//!     │            ├──────▶ Fenced
//!     └────────────┴──────▶ Failed
//! ```
//!
//! | state | means | leaves when |
//! |---|---|---|
//! | `Restoring` | the local state is brought up to date with the changelog, joined tables with their topics; input waits | caught up → `Running`; stop → `Stopped`; error → `Failed` |
//! | `Running` | records are handled, committed at an interval | stop, after a last commit → `Stopped`; commit refused → `Fenced`; error → `Failed` |
//! | `Stopped` | everything handled is committed | final |
//! | `Fenced` | the group gave the partition to somebody else, who handles again what was not committed | final |
//! | `Failed` | everything handled before the error is committed if that was possible, nothing after it is | final |
//!
//! A commit, in this order: changed states go to the changelog behind the outputs; all of it is
//! acknowledged; the input offsets are committed to the group; the same states and the offset of
//! the changelog go to the local table in one batch. So after a crash the table is never ahead of
//! the group's offsets, and the changelog restores what the table lacks.

use std::sync::Arc;

use futures_util::future::try_join;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::core::{Processor, process};
use super::counting::Handled;
use super::joins::{JoinReader, Joins};
use super::work::Work;
use crate::error::{Error, Result};
use crate::guard::guarded;
use crate::kafka::{
    Batch, Committed, Committer, Lane, OutTopic, PartitionStream, Producer, Reader, TopicPartition,
    next_of,
};
use crate::observe::{Held, Position};
use crate::restore::restore;
use crate::retry::retry;
use crate::store::CheckpointOf;

/// After how many records that were handled at once a task looks whether to stop or to commit:
/// seldom enough to cost nothing, often enough for handlers that compute for milliseconds.
const LOOK_UP_EVERY: usize = 16;

/// Records in the outbox at which it is sent in the middle of a batch, for handlers with many outputs.
const SEND_AT: usize = 4096;

/// Where a task is in its life; the table in the module's documentation says what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskState {
    Restoring,
    Running,
    Stopped,
    Fenced,
    Failed,
}

impl TaskState {
    pub(crate) fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (
                Self::Restoring,
                Self::Running | Self::Stopped | Self::Failed
            ) | (Self::Running, Self::Stopped | Self::Fenced | Self::Failed)
        )
    }
}

/// Why a task ends before it is told to.
enum End {
    Fenced,
    Failed(Error),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// One partition of one processor.
pub(crate) struct Task<P: Processor> {
    pub(crate) processor: Arc<P>,
    pub(crate) partition: i32,
    pub(crate) inputs: Vec<TaskInput>,
    pub(crate) work: Work<P::State>,
    pub(crate) changelog: Option<Changelog>,
    /// When it has joins.
    pub(crate) join_reader: Option<JoinReader>,
    pub(crate) out: Out,
    pub(crate) committer: Committer,
    pub(crate) commit_interval: Duration,
    pub(crate) stop: CancellationToken,
    pub(crate) state: TaskState,
    /// When the next commit is due.
    pub(crate) due: Instant,
    /// The input that is asked for records first.
    pub(crate) turn: usize,
    /// What is seen of it from outside.
    pub(crate) observed: Held,
}

/// One input topic's partition.
pub(crate) struct TaskInput {
    /// Its place in the processor's descriptor.
    pub(crate) index: usize,
    pub(crate) source: TopicPartition,
    pub(crate) stream: PartitionStream,
    pub(crate) position: Arc<Position>,
    /// The offset after the last record that was handled; `None` before the first.
    pub(crate) handled: Option<i64>,
    /// The same as of the last commit.
    pub(crate) committed: Option<i64>,
}

/// Where the state's changes are logged.
pub(crate) struct Changelog {
    pub(crate) name: Arc<str>,
    pub(crate) topic: OutTopic,
    pub(crate) reader: Reader,
    /// The offset up to which the local table reflects the changelog. Counting what this task
    /// appends gives a lower bound, which is all a restart needs: reading a little twice changes nothing.
    pub(crate) offset: i64,
}

/// The way out: the producer and this task's watermark.
pub(crate) struct Out {
    pub(crate) producer: Producer,
    pub(crate) lane: Lane,
}

impl<P: Processor> Task<P> {
    /// Runs until told to stop, until the group takes the partition away, or until something fails.
    pub(crate) async fn run(mut self) -> Result<()> {
        let ended = self.live().await;
        self.enter(match &ended {
            Ok(()) => TaskState::Stopped,
            Err(End::Fenced) => TaskState::Fenced,
            Err(End::Failed(_)) => TaskState::Failed,
        });
        match ended {
            Ok(()) => Ok(()),
            Err(End::Fenced) => {
                let group = self.processor.descriptor().group;
                tracing::warn!(
                    group,
                    "a commit was refused: the group went on without this member"
                );
                Ok(())
            }
            Err(End::Failed(error)) => Err(error),
        }
    }

    async fn live(&mut self) -> Result<(), End> {
        let stop = self.stop.clone();
        let mut joins = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            restored = self.restore() => restored?,
        };
        self.observed.restored();
        self.enter(TaskState::Running);
        self.due = Instant::now() + self.commit_interval;
        loop {
            let polled = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep_until(self.due), if self.is_uncommitted() => None,
                polled = next_of(&mut self.inputs, &mut self.turn) => Some(polled.map_err(|(_, error)| error)?),
                followed = joins.follow() => {
                    followed?;
                    None
                }
            };
            if let Some((input, batch)) = polled {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => break,
                    caught_up = joins.catch_up() => caught_up?,
                }
                if let Some(failure) = self.handle(input, &batch).await? {
                    self.observed.counts.errors.add(1);
                    // What came before the record that failed is done: commit it, and nothing past it.
                    if let Err(End::Failed(second)) = self.commit().await {
                        tracing::warn!(error = %second, "committing what came before the failed record failed, too");
                    }
                    return Err(failure.into());
                }
                self.send().await?;
            }
            self.commit_if_due().await?;
            // A partition that always has records would keep its thread from everything else.
            tokio::task::yield_now().await;
        }
        self.commit().await
    }

    /// Brings the state and the joined tables up to date.
    async fn restore(&mut self) -> Result<Joins> {
        let partition = self.partition;
        let state = async {
            if let (Some(changelog), Some(table)) = (&mut self.changelog, self.work.table()) {
                let (reader, name) = (&changelog.reader, &changelog.name);
                let progress = self.observed.restores(name, Some(table));
                changelog.offset = restore(reader, table, name, partition, &progress).await?;
            }
            Ok(())
        };
        let joins = async {
            match &self.join_reader {
                Some(from) => {
                    let tables = &self.work.tables().joins;
                    Joins::restore(from, partition, tables, &self.observed).await
                }
                None => Ok(Joins::none()),
            }
        };
        let ((), joins) = try_join(state, joins).await?;
        Ok(joins)
    }

    fn enter(&mut self, next: TaskState) {
        debug_assert!(self.state.may_become(next), "{:?} → {next:?}", self.state);
        tracing::debug!(from = ?self.state, to = ?next, "task");
        self.state = next;
    }

    /// Handles the records of a batch, or those that come before a stop (the rest is read again by
    /// whoever has the partition next) or before one that fails, whose error it returns.
    async fn handle(&mut self, input: usize, batch: &Batch) -> Result<Option<Error>, End> {
        self.inputs[input].position.begins(batch.record(0).offset);
        let mut handled = Handled::default();
        let ended = self.handle_each(input, batch, &mut handled).await;
        self.work.tap.settle();
        self.note_handled(input, handled);
        ended
    }

    async fn handle_each(
        &mut self,
        input: usize,
        batch: &Batch,
        sum: &mut Handled,
    ) -> Result<Option<Error>, End> {
        let index = self.inputs[input].index;
        let (topic, partition) = (batch.topic(), batch.partition());
        for (number, record) in batch.records().enumerate() {
            let handled = guarded(process(
                &*self.processor,
                &mut self.work,
                index,
                topic,
                partition,
                record,
            ))
            .await;
            match handled.output {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => return Ok(Some(failure)),
                Err(said) => {
                    self.work.discard();
                    let source = Box::new(Error::Panicked { said });
                    let failure = Error::HandlerAt {
                        at: record.position(topic, partition),
                        source,
                    };
                    self.work.tap.end(Some(&failure));
                    return Ok(Some(failure));
                }
            }
            self.inputs[input].handled = Some(record.offset + 1);
            sum.add(&record);
            if handled.waited || number % LOOK_UP_EVERY == LOOK_UP_EVERY - 1 {
                self.inputs[input].position.reached(record.offset + 1);
                if handled.waited {
                    self.work.tap.settle();
                }
                if self.stop.is_cancelled() {
                    break;
                }
                if self.work.outbox.len() >= SEND_AT {
                    self.send().await?;
                }
                self.commit_if_due().await?;
            }
        }
        Ok(None)
    }

    /// Hands the outbox to the producer, waiting for room as long as it takes.
    async fn send(&mut self) -> Result<()> {
        self.note_sent();
        let Out { producer, lane } = &self.out;
        producer.send_all(lane, &mut self.work.outbox).await
    }

    fn is_uncommitted(&self) -> bool {
        self.inputs
            .iter()
            .any(|input| input.handled != input.committed)
    }

    async fn commit_if_due(&mut self) -> Result<(), End> {
        if Instant::now() >= self.due || self.work.is_full_of_changes() {
            self.commit().await?;
            self.due = Instant::now() + self.commit_interval;
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), End> {
        if !self.is_uncommitted() {
            return Ok(());
        }
        let began = Instant::now();
        if let Some(table) = self.work.table() {
            table.room().await?;
        }
        let mut changes = None;
        if let Some(changelog) = &mut self.changelog {
            let now = crate::kafka::millis_of(std::time::SystemTime::now());
            let before = self.work.outbox.len();
            changes = self
                .work
                .take_changes(changelog.topic, self.partition, now)?;
            changelog.offset += (self.work.outbox.len() - before) as i64;
        }
        self.send().await?;
        self.out.lane.drained().await?;

        let offsets: Vec<_> = self
            .inputs
            .iter()
            .filter(|input| input.handled != input.committed)
            .filter_map(|input| Some((input.source.clone(), input.handled?)))
            .collect();
        if retry(|| self.committer.commit(&offsets)).await? == Committed::Refused {
            return Err(End::Fenced);
        }

        if let (Some(mut changes), Some(changelog)) = (changes, &self.changelog) {
            changes.checkpoint(
                CheckpointOf {
                    topic: &changelog.name,
                    partition: self.partition,
                },
                changelog.offset,
            );
            for (source, offset) in &offsets {
                changes.checkpoint(
                    CheckpointOf {
                        topic: &source.topic,
                        partition: source.partition,
                    },
                    *offset,
                );
            }
            changes.commit()?;
        }
        for input in &mut self.inputs {
            input.committed = input.handled;
        }
        self.observed.counts.commits.took(began.elapsed());
        Ok(())
    }
}

impl AsMut<PartitionStream> for TaskInput {
    fn as_mut(&mut self) -> &mut PartitionStream {
        &mut self.stream
    }
}

#[cfg(test)]
mod tests {
    use super::TaskState::{self, *};

    #[test]
    fn the_life_of_a_task_follows_its_table() {
        let all = [Restoring, Running, Stopped, Fenced, Failed];
        let allowed = [
            (Restoring, Running),
            (Restoring, Stopped),
            (Restoring, Failed),
            (Running, Stopped),
            (Running, Fenced),
            (Running, Failed),
        ];
        for from in all {
            for to in all {
                assert_eq!(
                    TaskState::may_become(from, to),
                    allowed.contains(&(from, to)),
                    "{from:?} → {to:?}"
                );
            }
        }
    }
}
