//! Global tables: a local copy of all partitions of a topic, one per topic and process, which views
//! and lookups share.

use futures_util::future::try_join_all;
use tokio::sync::watch;

use crate::entries::Entries;
use crate::error::{Error, Result};
use crate::halt::Halt;
use crate::kafka::{Polled, Reader};
use crate::observe::{Counts, Held, Observed};
use crate::restore::{Extent, advance, extent, start_offsets};
use crate::store::Table;

/// A handle to a topic's table; clones share it.
#[derive(Clone)]
pub(crate) struct GlobalTable {
    entries: Entries,
    progress: watch::Receiver<Progress>,
    observed: Observed,
}

/// How complete a global table is.
#[derive(Debug, Clone)]
pub(crate) enum Progress {
    /// The topic's partitions are being looked up.
    Starting,
    /// Catching up with the end seen at the start.
    CatchingUp { done: usize, partitions: usize },
    /// Complete, and following.
    Ready,
    /// It follows no more.
    Failed(String),
}

/// Why a table will never be complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ended(pub(crate) String);

impl GlobalTable {
    pub(crate) fn new(
        topic: &'static str,
        table: Table,
        progress: watch::Receiver<Progress>,
    ) -> Self {
        let observed = Observed {
            table: Some((topic, table.clone())),
            ..Observed::new(Counts::new([topic], []))
        };
        Self {
            entries: Entries::new(topic, table),
            progress,
            observed,
        }
    }

    /// One that is complete from the start, and fed by somebody else.
    pub(crate) fn in_memory(topic: &'static str, table: Table) -> Self {
        // The sender's last value stays readable.
        Self::new(topic, table, watch::channel(Progress::Ready).1)
    }

    /// What it holds, complete or not.
    pub(crate) fn entries(&self) -> &Entries {
        &self.entries
    }

    /// What is seen of it from outside.
    pub(crate) fn observed(&self) -> &Observed {
        &self.observed
    }

    pub(crate) fn progress(&self) -> watch::Ref<'_, Progress> {
        self.progress.borrow()
    }

    /// Waits until the table holds everything the topic held when the table was started.
    pub(crate) async fn ready(&self) -> std::result::Result<(), Ended> {
        let mut progress = self.progress.clone();
        let reached = progress
            .wait_for(|progress| matches!(progress, Progress::Ready | Progress::Failed(_)))
            .await;
        match reached.as_deref() {
            Ok(Progress::Ready) => Ok(()),
            Ok(Progress::Failed(reason)) => Err(Ended(reason.clone())),
            Ok(_) | Err(_) => Err(Ended("the service stopped".to_owned())),
        }
    }
}

/// Follows a topic into a table until the service stops.
pub(crate) struct Follower {
    pub(crate) reader: Reader,
    pub(crate) table: Table,
    pub(crate) topic: &'static str,
    pub(crate) partitions: i32,
    pub(crate) progress: watch::Sender<Progress>,
    pub(crate) observed: Observed,
}

impl Follower {
    /// As it is called in messages to people.
    pub(crate) fn title(&self) -> String {
        format!("the global table of {}", self.topic)
    }

    pub(crate) async fn run(self, halt: Halt) -> Result<()> {
        let result = tokio::select! {
            biased;
            () = halt.asked() => Ok(()),
            result = self.follow() => result,
        };
        self.observed.partitions.ended();
        if let Err(error) = &result {
            self.progress
                .send_replace(Progress::Failed(error.to_string()));
        }
        result.map_err(|error| Error::Stopped {
            object: self.title(),
            source: Box::new(error),
        })
    }

    async fn follow(&self) -> Result<()> {
        let extents = try_join_all(
            (0..self.partitions).map(|partition| extent(&self.reader, self.topic, partition)),
        )
        .await?;
        let starts = start_offsets(&self.table, self.topic, &extents)?;
        let partitions = extents.len();
        self.progress.send_replace(if partitions == 0 {
            Progress::Ready
        } else {
            Progress::CatchingUp {
                done: 0,
                partitions,
            }
        });
        let held: Vec<_> = extents
            .iter()
            .map(|extent| self.observed.hold(extent.partition))
            .collect();
        self.observed.partitions.started();
        try_join_all(
            extents
                .into_iter()
                .zip(starts)
                .zip(&held)
                .map(|((extent, start), held)| self.follow_partition(extent, start, held)),
        )
        .await?;
        Ok(())
    }

    async fn follow_partition(&self, extent: Extent, start: i64, held: &Held) -> Result<()> {
        let restored = held.restores(self.topic, None);
        restored.begins(start, extent.high);
        let mut caught_up = start >= extent.high;
        if caught_up {
            held.restored();
            self.one_more_done();
        }
        let mut stream = self
            .reader
            .open(self.topic, extent.partition, start)
            .await?;
        let position = held.reads(self.topic, Some(start), Box::new(stream.end()));
        loop {
            let next = stream.next().await?;
            let reached = advance(&self.table, &next)?;
            position.reached(reached);
            if let (Polled::Records(batch), [topic]) = (&next, self.observed.counts.received()) {
                topic.add(batch.len() as u64, batch.bytes() as u64);
            }
            if !caught_up {
                restored.reached(reached);
            }
            if !caught_up && reached >= extent.high {
                caught_up = true;
                held.restored();
                self.one_more_done();
            }
            // The other partitions, and a stop, are waiting for their turn.
            tokio::task::yield_now().await;
        }
    }

    fn one_more_done(&self) {
        self.progress.send_modify(|progress| {
            if let Progress::CatchingUp { done, partitions } = progress {
                *done += 1;
                if done == partitions {
                    *progress = Progress::Ready;
                    tracing::info!(topic = self.topic, "the global table is complete");
                }
            }
        });
    }
}
