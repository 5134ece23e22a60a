//! The writing side of a sink: one batch at a time, beside the reading.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::batching::Batching;
use super::record::SinkRecord;
use super::write::{Attempts, Sink, attempt};
use crate::error::{Error, Result};
use crate::kafka::{Committed, Committer, TopicPartition};
use crate::observe::Observed;
use crate::retry::retry;

/// Writes one batch at a time in a task of its own, so that reading goes on meanwhile.
pub(super) struct Writing<S: Sink> {
    title: Arc<str>,
    batching: Batching,
    observed: Observed,
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
    pub(super) fn new(sink: S, title: &str, batching: Batching, observed: Observed) -> Self {
        Self {
            title: title.into(),
            batching,
            observed,
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
            observed: self.observed.clone(),
            hurry: self.hurry.clone(),
        };
        let run = work.run(committer, self.abandon.clone());
        self.task.spawn(run.in_current_span());
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
    observed: Observed,
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
        let began = Instant::now();
        self.write().await?;
        let counts = &self.observed.counts;
        counts.runs.took(began.elapsed());
        let began = Instant::now();
        let offsets = offsets(&self.batch);
        if retry(|| committer.commit(&offsets)).await? == Committed::Refused {
            return Ok(Outcome::Refused);
        }
        counts.commits.took(began.elapsed());
        for topic in counts.received() {
            topic.records.add(self.batch.len() as u64);
        }
        for (at, offset) in &offsets {
            self.observed.partitions.reached(at.partition, *offset);
        }
        Ok(Outcome::Committed)
    }

    /// Writes the batch, trying again what fails.
    async fn write(&mut self) -> Result<()> {
        let began = Instant::now();
        let mut attempts = Attempts::new(&self.title, &self.batching);
        while let Err(error) = attempt(&mut self.sink, &self.batch).await {
            self.observed.counts.errors.add(1);
            if self.hurry.is_cancelled() {
                return Err(attempts.given_up(&self.batch, error));
            }
            let pause = attempts.failed(&self.batch, error, began.elapsed())?;
            self.observed.counts.retries.add(1);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::codegen::SinkDescriptor;
    use crate::codegen::v1::TopicUse;
    use crate::observe::Counts;

    static DESCRIPTOR: SinkDescriptor = SinkDescriptor {
        name: "warehouse",
        description: "",
        group: "s.c.warehouse-sink",
        topic: TopicUse {
            topic: "s.a.b",
            message: "a.b",
            message_type: "a.B",
        },
    };

    /// Takes a second for a write that fails.
    #[derive(Default)]
    struct Closed {
        attempts: u32,
    }

    impl Sink for Closed {
        type Message = ();

        fn descriptor(&self) -> &'static SinkDescriptor {
            &DESCRIPTOR
        }

        async fn write(&mut self, _: &[SinkRecord<()>]) -> Result<()> {
            self.attempts += 1;
            tokio::time::sleep(SECOND).await;
            Err(Error::handler("closed"))
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    /// Lets a write fail that is hurried after `hurry`: how often it was tried, how long it took.
    async fn fail(hurry: Duration) -> (u32, Duration) {
        let began = Instant::now();
        let mut work = Work {
            observed: Observed::new(Counts::new([], [])),
            sink: Closed::default(),
            batch: vec![SinkRecord::new("a", None)],
            title: "the sink".into(),
            batching: Batching::default(),
            hurry: CancellationToken::new(),
        };
        let hurried = work.hurry.clone();
        tokio::spawn(async move {
            tokio::time::sleep(hurry).await;
            hurried.cancel();
        });
        let written = work.write().await;
        let Err(Error::Write { attempts, .. }) = written else {
            panic!("it is written");
        };
        assert_eq!(attempts, work.sink.attempts);
        (attempts, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_fails_is_tried_again_for_as_long_as_it_may_be() {
        let (attempts, took) = fail(Duration::from_secs(3600)).await;
        let retry_for = Batching::default().retry_for;
        assert!(
            (retry_for..=retry_for + 2 * SECOND).contains(&took),
            "{took:?}"
        );
        assert!(attempts > 10, "{attempts}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_under_way_is_the_last_in_a_hurry() {
        assert_eq!(fail(SECOND / 2).await, (1, SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_cut_short_in_a_hurry_by_the_last_attempt() {
        let in_the_first_pause = SECOND + Duration::from_millis(1);
        assert_eq!(
            fail(in_the_first_pause).await,
            (2, in_the_first_pause + SECOND)
        );
    }

    #[test]
    fn the_offset_after_the_last_record_of_each_partition_is_committed() {
        let records = [(1, 3), (0, 7), (1, 4), (0, 9)].map(|(partition, offset)| {
            let mut record = SinkRecord::<()>::new("a", None);
            (record.partition, record.offset) = (partition, offset);
            record
        });
        let offsets = offsets(&records).into_iter();
        let offsets: Vec<_> = offsets.map(|(at, offset)| (at.partition, offset)).collect();
        assert_eq!(offsets, [(0, 10), (1, 5)]);
    }
}
