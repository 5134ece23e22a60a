//! One partition of one processor: restore, process, commit, stop.
//!
//! ```text
//! Restoring ──▶ Running ──▶ Stopped
//!     │            │
//!     └────────────┴──────▶ Failed
//! ```
//!
//! | state | means | leaves when |
//! |---|---|---|
//! | `Restoring` | the local state is brought up to date with the changelog; input waits | caught up → `Running`; stop → `Stopped`; error → `Failed` |
//! | `Running` | records are handled, committed at an interval | stop, after a last commit → `Stopped`; error → `Failed` |
//! | `Stopped` | everything handled is committed | final |
//! | `Failed` | everything handled before the error is committed if that was possible, nothing after it is | final |
//!
//! A commit, in this order: changed states go to the changelog behind the outputs; all of it is
//! acknowledged; the input offsets are committed to the group; the same states and the offset of
//! the changelog go to the local table in one batch. So after a crash the table is never ahead of
//! the group's offsets, and the changelog restores what the table lacks.

use std::sync::Arc;

use futures_util::future::select_all;
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::core::{Processor, process};
use super::work::Work;
use crate::error::Result;
use crate::kafka::{Batch, Committer, Lane, OutTopic, PartitionStream, Polled, Producer, Reader, TopicPartition};
use crate::restore::restore;
use crate::store::{CheckpointOf, Table};

/// Where a task is in its life; the table in the module's documentation says what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TaskState {
    Restoring,
    Running,
    Stopped,
    Failed,
}

impl TaskState {
    pub(crate) fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Restoring, Self::Running | Self::Stopped | Self::Failed) | (Self::Running, Self::Stopped | Self::Failed)
        )
    }
}

/// One partition of one processor.
pub(crate) struct Task<P: Processor> {
    pub(crate) processor: Arc<P>,
    pub(crate) partition: i32,
    pub(crate) inputs: Vec<TaskInput>,
    pub(crate) work: Work<P::State>,
    pub(crate) changelog: Option<Changelog>,
    pub(crate) out: Out,
    pub(crate) committer: Committer,
    pub(crate) commit_interval: Duration,
    pub(crate) stop: CancellationToken,
    pub(crate) state: TaskState,
}

/// One input topic's partition.
pub(crate) struct TaskInput {
    /// Its place in the processor's descriptor.
    pub(crate) index: usize,
    pub(crate) source: TopicPartition,
    pub(crate) stream: PartitionStream,
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
    /// Runs until told to stop or until something fails.
    pub(crate) async fn run(mut self) -> Result<()> {
        let result = self.live().await;
        self.enter(if result.is_ok() { TaskState::Stopped } else { TaskState::Failed });
        result
    }

    async fn live(&mut self) -> Result<()> {
        let stop = self.stop.clone();
        if let (Some(changelog), Some(table)) = (&mut self.changelog, self.work.table()) {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                offset = restore(&changelog.reader, table, &changelog.name, self.partition) => changelog.offset = offset?,
            }
        }
        self.enter(TaskState::Running);
        let mut due = Instant::now() + self.commit_interval;
        loop {
            let polled = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = tokio::time::sleep_until(due), if self.is_uncommitted() => None,
                polled = next(&mut self.inputs) => Some(polled?),
            };
            if let Some((input, batch)) = polled {
                let handled = self.handle(input, &batch).await;
                self.send().await?;
                if let Err(error) = handled {
                    // What came before the record that failed is done: commit it, and nothing past it.
                    self.commit().await?;
                    return Err(error);
                }
            }
            let now = Instant::now();
            if now >= due || self.work.is_full_of_changes() {
                self.commit().await?;
                due = Instant::now() + self.commit_interval;
            }
        }
        self.commit().await
    }

    fn enter(&mut self, next: TaskState) {
        debug_assert!(self.state.may_become(next), "{:?} → {next:?}", self.state);
        tracing::debug!(partition = self.partition, from = ?self.state, to = ?next, "task");
        self.state = next;
    }

    async fn handle(&mut self, input: usize, batch: &Batch) -> Result<()> {
        let index = self.inputs[input].index;
        for record in batch.records() {
            process(&*self.processor, &mut self.work, index, batch.topic(), batch.partition(), record).await?;
            self.inputs[input].handled = Some(record.offset + 1);
        }
        Ok(())
    }

    /// Hands the outbox to the producer, waiting for room as long as it takes.
    async fn send(&mut self) -> Result<()> {
        let mut sent = 0;
        while !self.out.producer.send(&self.out.lane, &mut self.work.outbox, &mut sent)? {
            self.out.producer.room().await;
        }
        Ok(())
    }

    fn is_uncommitted(&self) -> bool {
        self.inputs.iter().any(|input| input.handled != input.committed)
    }

    async fn commit(&mut self) -> Result<()> {
        if !self.is_uncommitted() {
            return Ok(());
        }
        let mut changes = None;
        if let Some(changelog) = &mut self.changelog {
            let now = crate::kafka::millis_of(std::time::SystemTime::now());
            let before = self.work.outbox.len();
            changes = self.work.take_changes(changelog.topic, self.partition, now)?;
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
        self.committer.commit(&offsets).await?;

        if let (Some(mut changes), Some(changelog)) = (changes, &self.changelog) {
            changes.checkpoint(CheckpointOf { topic: &changelog.name, partition: self.partition }, changelog.offset);
            for (source, offset) in &offsets {
                changes.checkpoint(CheckpointOf { topic: &source.topic, partition: source.partition }, *offset);
            }
            changes.commit()?;
        }
        for input in &mut self.inputs {
            input.committed = input.handled;
        }
        Ok(())
    }
}

/// The next batch of any input; which input is asked first changes, so that none starves.
async fn next(inputs: &mut [TaskInput]) -> Result<(usize, Batch)> {
    loop {
        let (index, polled) = match &mut *inputs {
            [only] => (0, only.stream.next().await?),
            several => {
                let polls = several.iter_mut().map(|input| Box::pin(input.stream.next()));
                let (polled, index, _) = select_all(polls).await;
                (index, polled?)
            }
        };
        if let Polled::Records(batch) = polled {
            return Ok((index, batch));
        }
    }
}

/// The state table of a partition, and where its inputs were when it was written last.
pub(crate) fn input_checkpoint(table: Option<&Table>, source: &TopicPartition) -> Result<Option<i64>> {
    table.map_or(Ok(None), |table| table.checkpoint(CheckpointOf { topic: &source.topic, partition: source.partition }))
}

#[cfg(test)]
mod tests {
    use super::TaskState::{self, *};

    #[test]
    fn the_life_of_a_task_follows_its_table() {
        let all = [Restoring, Running, Stopped, Failed];
        let allowed = [(Restoring, Running), (Restoring, Stopped), (Restoring, Failed), (Running, Stopped), (Running, Failed)];
        for from in all {
            for to in all {
                assert_eq!(TaskState::may_become(from, to), allowed.contains(&(from, to)), "{from:?} → {to:?}");
            }
        }
    }
}
