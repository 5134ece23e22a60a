//! The tables that one partition of a processor joins: restored before its first record, followed after.
//!
//! **What a record sees.** When a batch of an input has arrived, the end of every joined partition is
//! asked for, and the batch is handled when the tables have reached it. So a record sees every change
//! of its tables that was acknowledged before the record was fetched, and perhaps later ones.
//!
//! **How long it waits.** The end that was asked for does not move: a table that is written without
//! pause delays a batch by the time it takes to read what was there when the batch arrived, and
//! cannot keep it waiting for ever. A broker that does not send what it told of does, as a broker of
//! the input would; one that does not even tell is asked for five minutes, and then it is an error.
//!
//! Kafka Streams waits for what the last fetch happened to tell (`max.task.idle.ms` 0), or for a fixed
//! time. The one lets a record overtake a change that was acknowledged long before but is not fetched
//! yet; the other waits where there is nothing to wait for. Asking costs a request per batch of up to
//! 1000 records.

use futures_util::future::{select_all, try_join_all};

use crate::entries::Entries;
use crate::error::Result;
use crate::kafka::{Cluster, PartitionStream, Polled, Reader, TopicPartition};
use crate::observe::Held;
use crate::restore::{LongKeys, advance, restore_and_follow};
use crate::retry::retry;
use crate::store::Table;

/// Reads joined topics, for all tasks of a processor.
#[derive(Clone)]
pub(crate) struct JoinReader {
    pub(crate) reader: Reader,
    pub(crate) cluster: Cluster,
}

/// The joined tables of one partition, each once.
pub(crate) struct Joins<U = Tail> {
    tables: Vec<Joined<U>>,
}

struct Joined<U> {
    table: Table,
    upstream: U,
    /// Everything before this offset is in the table.
    reached: i64,
}

/// A partition that a table follows.
pub(crate) trait Upstream: Send {
    /// What comes next. Nothing is lost when the future is dropped.
    fn next(&mut self) -> impl Future<Output = Result<Polled>> + Send;

    /// The offset after the last record there is now.
    fn end(&self) -> impl Future<Output = Result<i64>> + Send;
}

/// A partition of a topic in Kafka.
pub(crate) struct Tail {
    at: TopicPartition,
    stream: PartitionStream,
    cluster: Cluster,
}

impl Upstream for Tail {
    async fn next(&mut self) -> Result<Polled> {
        self.stream.next().await
    }

    async fn end(&self) -> Result<i64> {
        retry(|| self.cluster.end_of(&self.at.topic, self.at.partition)).await
    }
}

impl Joins {
    pub(super) fn none() -> Self {
        Self { tables: Vec::new() }
    }

    /// Brings `tables` up to date with `partition` of their topics, and leaves those open.
    pub(super) async fn restore(
        from: &JoinReader,
        partition: i32,
        tables: &[Entries],
        observed: &Held,
    ) -> Result<Self> {
        // Several processors that run as one may join the same topic.
        let first = |(index, entries): &(usize, &Entries)| {
            let mut sooner = tables[..*index].iter();
            sooner.all(|other| other.topic() != entries.topic())
        };
        let restored = tables
            .iter()
            .enumerate()
            .filter(first)
            .map(|(_, entries)| async move {
                let (topic, table) = (entries.topic(), entries.table());
                let progress = observed.restores(topic, Some(table));
                let (stream, reached) =
                    restore_and_follow(&from.reader, table, topic, partition, &progress).await?;
                let at = TopicPartition {
                    topic: topic.into(),
                    partition,
                };
                let upstream = Tail {
                    at,
                    stream,
                    cluster: from.cluster.clone(),
                };
                Ok(Joined {
                    table: table.clone(),
                    upstream,
                    reached,
                })
            });
        let tables = try_join_all(restored).await?;
        Ok(Self { tables })
    }
}

impl<U: Upstream> Joins<U> {
    /// Applies what comes next to any table; waits for ever when there is none. Nothing is lost when
    /// the future is dropped.
    pub(super) async fn follow(&mut self) -> Result<()> {
        match &mut *self.tables {
            [] => std::future::pending().await,
            [only] => only.step().await,
            several => {
                let steps = several.iter_mut().map(|joined| Box::pin(joined.step()));
                select_all(steps).await.0
            }
        }
    }

    /// Brings every table to where its topic ends now. Nothing is lost when the future is dropped.
    pub(super) async fn catch_up(&mut self) -> Result<()> {
        match &mut *self.tables {
            [] => Ok(()),
            [only] => only.catch_up().await,
            several => try_join_all(several.iter_mut().map(Joined::catch_up))
                .await
                .map(drop),
        }
    }
}

impl<U: Upstream> Joined<U> {
    async fn step(&mut self) -> Result<()> {
        self.table.room().await?;
        let next = self.upstream.next().await?;
        let at = advance(&self.table, &next, LongKeys::LeaveOut)?;
        self.reached = self.reached.max(at);
        Ok(())
    }

    async fn catch_up(&mut self) -> Result<()> {
        let end = self.upstream.end().await?;
        while self.reached < end {
            self.step().await?;
            // Much may be there; other partitions, and a stop, are waiting for their turn.
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep_until};

    use super::*;
    use crate::kafka::{Batch, OwnedRecord};

    /// What happens in a partition, each at its millisecond.
    struct Script {
        began: Instant,
        events: Vec<(u64, Event)>,
        /// How long a record takes from its acknowledgement to whoever follows.
        delay: u64,
        taken: usize,
    }

    #[derive(Clone, Copy)]
    enum Event {
        Put(&'static str, &'static str),
        Delete(&'static str),
        /// The end moves without a record, as at the end of a transaction.
        Marker,
    }

    use Event::{Delete, Marker, Put};

    impl Script {
        fn at(&self, millis: u64) -> Instant {
            self.began + Duration::from_millis(millis)
        }
    }

    impl Upstream for Script {
        async fn next(&mut self) -> Result<Polled> {
            let Some(&(millis, event)) = self.events.get(self.taken) else {
                return std::future::pending().await;
            };
            sleep_until(self.at(millis + self.delay)).await;
            let offset = self.taken as i64;
            self.taken += 1;
            let (key, value) = match event {
                Put(key, value) => (key, Some(value.into())),
                Delete(key) => (key, None),
                Marker => return Ok(Polled::End(offset + 1)),
            };
            let record = OwnedRecord {
                offset,
                timestamp: 0,
                key: Some(key.into()),
                value,
                headers: Vec::new(),
            };
            Ok(Polled::Records(Batch::memory("t".into(), 0, vec![record])))
        }

        async fn end(&self) -> Result<i64> {
            let now = Instant::now();
            let written = |(millis, _): &&(u64, Event)| self.at(*millis) <= now;
            Ok(self.events.iter().filter(written).count() as i64)
        }
    }

    fn joins<const N: usize>(scripts: [(u64, Vec<(u64, Event)>); N]) -> Joins<Script> {
        let joined = |(delay, events)| Joined {
            table: Table::in_memory(),
            upstream: Script {
                began: Instant::now(),
                events,
                delay,
                taken: 0,
            },
            reached: 0,
        };
        Joins {
            tables: scripts.map(joined).into(),
        }
    }

    fn get(joins: &Joins<Script>, table: usize, key: &str) -> Option<String> {
        let value = joins.tables[table].table.get(key.as_bytes()).unwrap()?;
        Some(String::from_utf8(value.as_ref().to_vec()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_acknowledged_is_waited_for() {
        let mut joins = joins([
            (50, vec![(0, Put("a", "1")), (0, Put("b", "1"))]),
            (70, vec![(0, Put("a", "2")), (1000, Put("a", "3"))]),
        ]);
        let began = Instant::now();
        joins.catch_up().await.unwrap();
        assert_eq!(began.elapsed().as_millis(), 70, "and not for later records");
        assert_eq!(get(&joins, 0, "b").as_deref(), Some("1"));
        assert_eq!(get(&joins, 1, "a").as_deref(), Some("2"));

        joins.catch_up().await.unwrap();
        assert_eq!(began.elapsed().as_millis(), 70, "there is nothing new");
    }

    #[tokio::test(start_paused = true)]
    async fn a_table_that_is_always_written_does_not_keep_a_batch_waiting() {
        let events = (0..100_000).map(|number| (number / 10, Put("a", "1")));
        let mut joins = joins([(500, events.collect())]);
        let began = Instant::now();
        for round in 1..5 {
            joins.catch_up().await.unwrap();
            assert_eq!(began.elapsed().as_millis(), 500 * round);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn deletes_are_seen() {
        let mut joins = joins([(
            5,
            vec![(0, Put("a", "1")), (0, Put("b", "1")), (10, Delete("a"))],
        )]);
        joins.catch_up().await.unwrap();
        assert_eq!(get(&joins, 0, "a").as_deref(), Some("1"));
        tokio::time::sleep(Duration::from_millis(10)).await;
        joins.catch_up().await.unwrap();
        assert_eq!(get(&joins, 0, "a"), None);
        assert_eq!(get(&joins, 0, "b").as_deref(), Some("1"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_without_a_record_is_reached() {
        let mut joins = joins([(30, vec![(0, Put("a", "1")), (0, Marker)])]);
        let began = Instant::now();
        joins.catch_up().await.unwrap();
        assert_eq!(began.elapsed().as_millis(), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn tables_are_followed_while_no_batch_waits() {
        let mut joins = joins([
            (0, vec![(20, Put("a", "1"))]),
            (0, vec![(10, Put("a", "2"))]),
        ]);
        joins.follow().await.unwrap();
        assert_eq!(get(&joins, 0, "a"), None);
        assert_eq!(get(&joins, 1, "a").as_deref(), Some("2"));
        joins.follow().await.unwrap();
        assert_eq!(get(&joins, 0, "a").as_deref(), Some("1"));
        let more = tokio::time::timeout(Duration::from_secs(60), joins.follow()).await;
        assert!(more.is_err());
    }
}
