//! Global tables: a local copy of all partitions of a topic, one per topic and process, which views
//! and lookups share.

use futures_util::future::try_join_all;
use tokio::sync::watch;

use crate::entries::Entries;
use crate::error::{Error, Result};
use crate::halt::Halt;
use crate::kafka::{Batch, Cluster, Polled, Reader};
use crate::observe::{Counts, Held, Observed};
use crate::restore::{Extent, LongKeys, advance, extent, load, start_offsets, turn};
use crate::retry::retry;
use crate::store::Table;

/// A handle to a topic's table; clones share it.
#[derive(Clone)]
pub(crate) struct GlobalTable {
    entries: Entries,
    progress: watch::Receiver<Progress>,
    /// Per partition, the offset before which it has everything.
    reached: watch::Receiver<Vec<i64>>,
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
            reached: watch::channel(Vec::new()).1,
            observed,
        }
    }

    /// One of `topic`, which has so many partitions, and what follows the topic into it.
    pub(crate) fn followed(
        topic: &'static str,
        partitions: i32,
        table: Table,
        reader: Reader,
    ) -> (Self, Follower) {
        let (progress, told) = watch::channel(Progress::Starting);
        // Before anything: not even what is empty is known to be.
        let (reached, offsets) = watch::channel((0..partitions).map(|_| -1).collect());
        let mut global = Self::new(topic, table.clone(), told);
        global.reached = offsets;
        let follower = Follower {
            reader,
            table,
            topic,
            progress,
            reached,
            observed: global.observed.clone(),
        };
        (global, follower)
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

    /// Waits until the table holds everything the topic holds now.
    ///
    /// # Errors
    ///
    /// [`Error::Kafka`] when the ends of the topic cannot be had, [`Error::Stopped`] when the table
    /// follows it no more.
    pub(crate) async fn catch_up(&self, cluster: &Cluster) -> Result<()> {
        let topic = self.entries.topic();
        let partitions = 0_i32..self.reached.borrow().len() as i32;
        let ends = partitions.map(|partition| retry(move || cluster.end_of(topic, partition)));
        let ends = try_join_all(ends).await?;
        self.holds(&ends).await.map_err(|ended| Error::Stopped {
            object: title(topic),
            source: Box::new(Error::handler(ended.0)),
        })
    }

    /// Waits until the table holds everything that the partitions do before these offsets.
    async fn holds(&self, ends: &[i64]) -> std::result::Result<(), Ended> {
        let mut reached = self.reached.clone();
        let held = |reached: &Vec<i64>| reached.iter().zip(ends).all(|(at, end)| at >= end);
        match reached.wait_for(held).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Ended("it follows its topic no more".to_owned())),
        }
    }
}

/// Follows a topic into a table until the service stops.
pub(crate) struct Follower {
    reader: Reader,
    table: Table,
    topic: &'static str,
    progress: watch::Sender<Progress>,
    reached: watch::Sender<Vec<i64>>,
    observed: Observed,
}

impl Follower {
    /// As it is called in messages to people.
    pub(crate) fn title(&self) -> String {
        title(self.topic)
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
        // Before the extents: those of a topic that is replaced now must not count as the new one's.
        let id = retry(|| self.reader.topic_id(self.topic)).await?;
        let partitions = 0_i32..self.reached.borrow().len() as i32;
        let extents =
            try_join_all(partitions.map(|partition| extent(&self.reader, self.topic, partition)))
                .await?;
        self.table.settled().await;
        let starts = start_offsets(&self.table, self.topic, id, &extents)?;
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
        let at = extent.partition as usize;
        self.reached.send_modify(|reached| reached[at] = start);
        let mut caught_up = start >= extent.high;
        if caught_up {
            held.restored();
            self.one_more_done();
        }
        let turn = turn(&self.table, extent, start).await;
        let mut stream = self
            .reader
            .open(self.topic, extent.partition, start)
            .await?;
        let position = held.reads(self.topic, Some(start), Box::new(stream.end()));
        let tell = |reached| {
            position.reached(reached);
            restored.reached(reached);
        };
        let count = |batch: &Batch| {
            if let [topic] = self.observed.counts.received() {
                topic.add(batch.len() as u64, batch.bytes() as u64);
            }
        };
        let (into, topic) = ((&self.table, LongKeys::LeaveOut), self.topic);
        let loaded = load(turn, &mut stream, into, topic, extent, start, tell, count).await?;
        let mut reached = loaded.offset();
        loop {
            position.reached(reached);
            if !caught_up {
                restored.reached(reached);
            }
            self.reached.send_modify(|all| all[at] = reached);
            if !caught_up && reached >= extent.high {
                caught_up = true;
                held.restored();
                self.one_more_done();
            }
            // The other partitions, and a stop, are waiting for their turn.
            tokio::task::yield_now().await;
            self.table.room().await?;
            let next = stream.next().await?;
            reached = advance(&self.table, &next, LongKeys::LeaveOut)?;
            if let Polled::Records(batch) = &next {
                count(batch);
            }
        }
    }

    fn one_more_done(&self) {
        self.progress.send_modify(|progress| {
            if let Progress::CatchingUp { done, partitions } = progress {
                *done += 1;
                if done == partitions {
                    *progress = Progress::Ready;
                    tracing::info!("the global table is complete");
                }
            }
        });
    }
}

fn title(topic: &str) -> String {
    format!("the global table of {topic}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_table_holds_what_every_partition_of_it_has_reached() {
        let (sender, reached) = watch::channel(vec![-1, -1]);
        let mut table = GlobalTable::in_memory("s.a.b", Table::in_memory());
        table.reached = reached;
        let waiting = tokio::spawn(async move { table.holds(&[3, 0]).await });
        for offsets in [vec![3, -1], vec![2, 7], vec![3, 7]] {
            tokio::task::yield_now().await;
            assert!(!waiting.is_finished());
            sender.send_replace(offsets);
        }
        assert_eq!(waiting.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn a_table_that_follows_no_more_says_so() {
        let table = GlobalTable::in_memory("s.a.b", Table::in_memory());
        let mut followed = table.clone();
        followed.reached = watch::channel(vec![1]).1;
        assert!(followed.holds(&[1]).await.is_ok());
        assert!(followed.holds(&[2]).await.is_err());
    }
}
