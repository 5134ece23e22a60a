//! The reading side of a sink: the partitions this process has, and what was decoded of them.

use prost::Message;
use tokio::time::Instant;

use super::batching::Batching;
use super::collected::Collected;
use super::record::SinkRecord;
use crate::error::{Error, Result};
use crate::kafka::{Batch, PartitionStream, TopicPartition, next_of};

/// What is read and waits to be written. Nothing more is read while a whole batch waits, or after a
/// failure.
pub(super) struct Reading<M> {
    began: Instant,
    streams: Vec<PartitionStream>,
    turn: usize,
    /// Records that were read, and how many of them are decoded.
    open: Option<(Batch, usize)>,
    collected: Collected<M>,
    /// Why reading ended; what came before is written first.
    failure: Option<Error>,
}

impl<M: Message + Default> Reading<M> {
    pub(super) fn new(batching: Batching) -> Self {
        Self {
            began: Instant::now(),
            streams: Vec::new(),
            turn: 0,
            open: None,
            collected: Collected::new(batching),
            failure: None,
        }
    }

    /// Reads these, too.
    pub(super) fn add(&mut self, streams: Vec<PartitionStream>) {
        self.streams.extend(streams);
    }

    /// Forgets partitions that move, and everything of them that is not being written: their next
    /// owner reads it.
    pub(super) fn forget(&mut self, moved: &[TopicPartition]) {
        let moves = |partition| moved.iter().any(|at| at.partition == partition);
        self.collected.retain(|partition| !moves(partition));
        self.open.take_if(|(batch, _)| moves(batch.partition()));
        self.failure
            .take_if(|error| matches!(error, Error::Decode { at, .. } if moves(at.partition)));
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
                Ok((_, batch)) => self.open = Some((batch, 0)),
                Err(error) => self.failure = Some(error),
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
            Some(error) => Err(error),
            None => Ok(()),
        }
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
            match SinkRecord::decode(batch.topic(), partition, &batch.record(*done)) {
                Ok(record) => {
                    *done += 1;
                    self.collected.push(record, self.began.elapsed());
                }
                Err(error) => {
                    self.failure = Some(error);
                    return;
                }
            }
        }
    }
}
