//! The writing side of a sink: one batch at a time, beside the reading.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::batching::Batching;
use super::record::SinkRecord;
use super::write::{Attempts, Sink, attempt};
use crate::error::{Error, Result};
use crate::kafka::{Committed, Committer, TopicPartition};
use crate::retry::retry;

/// Writes one batch at a time in a task of its own, so that reading goes on meanwhile.
pub(super) struct Writing<S: Sink> {
    title: Arc<str>,
    batching: Batching,
    /// When nothing is being written.
    idle: Option<S>,
    /// At most one.
    task: JoinSet<Written<S>>,
    /// The partitions being written.
    partitions: Vec<TopicPartition>,
    /// Ends the pauses: the attempt that follows is the last.
    hurry: CancellationToken,
    /// Ends the attempt.
    abandon: CancellationToken,
}

/// What became of a batch.
struct Written<S: Sink> {
    sink: S,
    batch: Vec<SinkRecord<S::Message>>,
    outcome: Outcome,
}

enum Outcome {
    Committed,
    /// It is written, and the group went on without this member: `Lost` follows.
    Refused,
    Failed(Error),
    Abandoned,
}

/// A batch that is not known to be written and committed.
pub(super) struct Unwritten<M> {
    pub(super) batch: Vec<SinkRecord<M>>,
    /// What the last attempt failed with; `None` when it was abandoned.
    pub(super) error: Option<Error>,
}

impl<S: Sink> Writing<S> {
    pub(super) fn new(sink: S, title: &str, batching: Batching) -> Self {
        Self {
            title: title.into(),
            batching,
            idle: Some(sink),
            task: JoinSet::new(),
            partitions: Vec::new(),
            hurry: CancellationToken::new(),
            abandon: CancellationToken::new(),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.idle.is_some()
    }

    /// Whether records of any of `partitions` are being written.
    pub(super) fn concerns(&self, partitions: &[TopicPartition]) -> bool {
        !self.is_idle() && partitions.iter().any(|at| self.partitions.contains(at))
    }

    /// Writes `batch` and commits its offsets; only when idle.
    pub(super) fn start(&mut self, batch: Vec<SinkRecord<S::Message>>, committer: Committer) {
        let Some(sink) = self.idle.take() else {
            return;
        };
        self.partitions = offsets(&batch).into_iter().map(|(at, _)| at).collect();
        self.hurry = CancellationToken::new();
        self.abandon = CancellationToken::new();
        let work = Work {
            sink,
            batch,
            title: Arc::clone(&self.title),
            batching: self.batching,
            hurry: self.hurry.clone(),
        };
        self.task.spawn(work.run(committer, self.abandon.clone()));
    }

    /// Waits until the batch is written and its offsets are committed, or not; never, when idle.
    /// Nothing is lost when the future is dropped.
    pub(super) async fn written(&mut self) -> Option<Unwritten<S::Message>> {
        let Some(ended) = self.task.join_next().await else {
            return std::future::pending().await;
        };
        let written = match ended.map_err(JoinError::try_into_panic) {
            Ok(written) => written,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // Nobody aborts it: the process shuts down, and this task with it.
            Err(Err(_)) => return std::future::pending().await,
        };
        self.idle = Some(written.sink);
        self.partitions.clear();
        let error = match written.outcome {
            Outcome::Committed | Outcome::Refused => return None,
            Outcome::Failed(error) => Some(error),
            Outcome::Abandoned => None,
        };
        Some(Unwritten {
            batch: written.batch,
            error,
        })
    }

    /// Lets the attempt under way, or else one more, be the last.
    pub(super) fn hurry(&self) {
        self.hurry.cancel();
    }

    /// Ends the attempt under way where it stands.
    pub(super) fn abandon(&self) {
        self.abandon.cancel();
    }
}

/// One batch on its way.
struct Work<S: Sink> {
    sink: S,
    batch: Vec<SinkRecord<S::Message>>,
    title: Arc<str>,
    batching: Batching,
    hurry: CancellationToken,
}

impl<S: Sink> Work<S> {
    async fn run(mut self, committer: Committer, abandon: CancellationToken) -> Written<S> {
        let outcome = tokio::select! {
            biased;
            () = abandon.cancelled() => Outcome::Abandoned,
            outcome = self.write_and_commit(&committer) => outcome.unwrap_or_else(Outcome::Failed),
        };
        match &outcome {
            Outcome::Committed => {
                tracing::debug!(sink = %self.title, records = self.batch.len(), "batch written");
            }
            Outcome::Refused => {
                tracing::warn!(sink = %self.title, records = self.batch.len(), "a commit was refused: the group went on without this member, and the records are written again");
            }
            Outcome::Failed(_) | Outcome::Abandoned => {}
        }
        Written {
            sink: self.sink,
            batch: self.batch,
            outcome,
        }
    }

    async fn write_and_commit(&mut self, committer: &Committer) -> Result<Outcome> {
        self.write().await?;
        let offsets = offsets(&self.batch);
        Ok(match retry(|| committer.commit(&offsets)).await? {
            Committed::Stored => Outcome::Committed,
            Committed::Refused => Outcome::Refused,
        })
    }

    /// Writes the batch, trying again what fails.
    async fn write(&mut self) -> Result<()> {
        let began = Instant::now();
        let mut attempts = Attempts::new(&self.title, &self.batching);
        while let Err(error) = attempt(&mut self.sink, &self.batch).await {
            if self.hurry.is_cancelled() {
                return Err(attempts.given_up(&self.batch, error));
            }
            let pause = attempts.failed(&self.batch, error, began.elapsed())?;
            // Passed or cut short, another attempt follows.
            let _ = timeout(pause, self.hurry.cancelled()).await;
        }
        Ok(())
    }
}

/// What to commit once `batch` is written: per partition, the offset after its last record.
fn offsets<M>(batch: &[SinkRecord<M>]) -> Vec<(TopicPartition, i64)> {
    let mut offsets = BTreeMap::new();
    for record in batch {
        let at = (&record.topic, record.partition);
        offsets.insert(at, record.offset + 1);
    }
    let placed = offsets.into_iter().map(|((topic, partition), offset)| {
        let topic = Arc::clone(topic);
        (TopicPartition { topic, partition }, offset)
    });
    placed.collect()
}
