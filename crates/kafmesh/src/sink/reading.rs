//! The reading side of a sink: the partitions this process has, and what was decoded of them.

use std::sync::Arc;

use prost::Message;
use tokio::time::Instant;

use super::batching::Batching;
use super::collected::Collected;
use super::record::SinkRecord;
use crate::error::{Error, Result};
use crate::kafka::{Batch, PartitionStream, TopicPartition, next_of};
use crate::observe::{Held, Observed, Position};

/// What is read and waits to be written. Nothing more is read while a whole batch waits, or after a
/// failure.
pub(super) struct Reading<M> {
    began: Instant,
    streams: Vec<PartitionStream>,
    /// What is seen of them from outside, in the same order.
    seen: Vec<(Held, Arc<Position>)>,
    observed: Observed,
    turn: usize,
    /// Records that were read, and how many of them are decoded.
    open: Option<(Batch, usize)>,
    collected: Collected<M>,
    /// Why reading ended, and in which partition; what came before is written first.
    failure: Option<(i32, Error)>,
}

impl<M: Message + Default> Reading<M> {
    pub(super) fn new(batching: Batching, observed: Observed) -> Self {
        Self {
            began: Instant::now(),
            streams: Vec::new(),
            seen: Vec::new(),
            observed,
            turn: 0,
            open: None,
            collected: Collected::new(batching),
            failure: None,
        }
    }

    /// Reads these, too.
    pub(super) fn add(&mut self, streams: Vec<PartitionStream>) {
        for stream in streams {
            let at = stream.at();
            let held = self.observed.hold(at.partition);
            held.restored();
            let position = held.reads(&at.topic, None, Box::new(stream.end()));
            self.seen.push((held, position));
            self.streams.push(stream);
        }
    }

    /// Forgets partitions that move, and everything of them that is not being written: their next
    /// owner reads it.
    pub(super) fn forget(&mut self, moved: &[TopicPartition]) {
        let moves = |partition| moved.iter().any(|at| at.partition == partition);
        self.collected.retain(|partition| !moves(partition));
        self.open.take_if(|(batch, _)| moves(batch.partition()));
        self.failure.take_if(|(partition, _)| moves(*partition));
        let mut streams = self.streams.iter();
        self.seen.retain(|_| {
            streams
                .next()
                .is_some_and(|stream| !moves(stream.at().partition))
        });
        self.streams.retain(|stream| !moves(stream.at().partition));
    }

    /// Reads and decodes some more; never, while a whole batch waits or after a failure. Nothing is
    /// lost when the future is dropped.
    pub(super) async fn more(&mut self) {
        if self.failure.is_some() || self.collected.is_full() {
            return std::future::pending().await;
        }
        if self.open.is_none() {
            match next_of(&mut self.streams, &mut self.turn).await {
                Ok((stream, batch)) => {
                    self.seen[stream].1.begins(batch.record(0).offset);
                    self.open = Some((batch, 0));
                }
                Err((stream, error)) => {
                    self.failure = Some((self.streams[stream].at().partition, error));
                }
            }
        }
        self.decode();
    }

    /// When a batch is to be written.
    pub(super) fn due(&self) -> Option<Instant> {
        let due = self.collected.due()?;
        let at_once = self.failure.is_some();
        Some(if at_once {
            self.began
        } else {
            self.began + due
        })
    }

    /// The batch to be written next.
    pub(super) fn take(&mut self) -> Vec<SinkRecord<M>> {
        self.collected.take(self.began.elapsed())
    }

    /// Records of a batch that was not written come first again, without those of `moved`.
    pub(super) fn put_back(&mut self, batch: Vec<SinkRecord<M>>, moved: &[TopicPartition]) {
        self.collected.put_back(batch);
        self.forget(moved);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.collected.is_empty()
    }

    /// The failure, once everything before it has been taken.
    pub(super) fn failed(&mut self) -> Result<()> {
        match self.failure.take_if(|_| self.collected.is_empty()) {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    /// Decodes `batch` next.
    #[cfg(test)]
    pub(super) fn open(&mut self, batch: Batch) {
        self.open = Some((batch, 0));
    }

    fn decode(&mut self) {
        while !self.collected.is_full()
            && let Some((batch, done)) = &mut self.open
        {
            if *done == batch.len() {
                self.open = None;
                return;
            }
            let partition = batch.partition();
            let read = batch.record(*done);
            match SinkRecord::decode(batch.topic(), partition, &read) {
                Ok(record) => {
                    let size = read.bytes();
                    *done += 1;
                    self.collected.push(record, size, self.began.elapsed());
                }
                Err(error) => {
                    self.failure = Some((partition, error));
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::OwnedRecord;
    use crate::observe::Counts;

    /// A batch of `partition` whose values are encoded numbers; `None` is not one.
    fn batch(partition: i32, values: &[Option<u8>]) -> Batch {
        let records = values.iter().zip(0..).map(|(value, offset)| OwnedRecord {
            offset,
            timestamp: 0,
            key: Some(b"a".to_vec()),
            value: Some(value.map_or(vec![0xff], |value| vec![8, value])),
            headers: Vec::new(),
        });
        Batch::memory("s.a.b".into(), partition, records.collect())
    }

    fn moved(partition: i32) -> [TopicPartition; 1] {
        [TopicPartition {
            topic: "s.a.b".into(),
            partition,
        }]
    }

    fn reading(open: Batch) -> Reading<u64> {
        let observed = Observed::new(Counts::new([], []));
        let mut reading = Reading::new(Batching::default().with_records(2), observed);
        reading.open(open);
        reading
    }

    fn values(records: Vec<SinkRecord<u64>>) -> Vec<Option<u64>> {
        records.into_iter().map(|record| record.value).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_is_decoded_than_one_batch_takes() {
        let mut reading = reading(batch(0, &[Some(1), Some(2), Some(3)]));
        reading.more().await;
        assert!(
            tokio::time::timeout(std::time::Duration::from_secs(9), reading.more())
                .await
                .is_err()
        );
        assert_eq!(values(reading.take()), [Some(1), Some(2)]);
        reading.more().await;
        assert_eq!(values(reading.take()), [Some(3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_before_a_record_that_cannot_be_decoded_is_written_at_once() {
        let mut reading = reading(batch(0, &[Some(1), None, Some(3)]));
        reading.more().await;
        assert!(reading.failed().is_ok(), "not before the first is written");
        assert!(reading.due().unwrap() <= Instant::now());
        assert_eq!(values(reading.take()), [Some(1)]);
        let error = reading.failed().unwrap_err().to_string();
        assert!(
            error.contains("topic s.a.b, partition 0, offset 1"),
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_moves_is_forgotten_with_its_failure() {
        let mut reading = reading(batch(0, &[Some(1), None]));
        reading.more().await;
        reading.forget(&moved(1));
        assert!(!reading.is_empty());
        reading.forget(&moved(0));
        assert!(reading.is_empty() && reading.open.is_none());
        assert!(reading.failed().is_ok());
        for (at, forgotten) in [(0, true), (1, false)] {
            reading.failure = Some((at, Error::handler("it cannot be read")));
            reading.forget(&moved(0));
            assert_eq!(reading.failed().is_ok(), forgotten);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_written_and_stays_is_written_again() {
        let mut reading = reading(batch(0, &[Some(1)]));
        reading.more().await;
        reading.open(batch(1, &[Some(2)]));
        reading.more().await;
        let taken = reading.take();
        reading.put_back(taken, &moved(0));
        assert_eq!(values(reading.take()), [Some(2)]);
    }
}
