//! A sink over records in memory, on virtual time: what drives it in tests.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::batching::Batching;
use super::collected::Collected;
use super::record::SinkRecord;
use super::write::{Attempts, Sink, attempt};
use crate::error::Result;
use crate::kafka::Record;
use crate::memory::Log;

/// A sink, the records it has not written yet, and the clock that says when they are due.
pub(crate) struct Driven<S: Sink> {
    pub(crate) sink: S,
    topic: Arc<str>,
    batching: Batching,
    collected: Collected<S::Message>,
    clock: Log,
}

impl<S: Sink> Driven<S> {
    pub(crate) fn new(sink: S, batching: Batching, clock: Log) -> Self {
        let topic = sink.descriptor().topic.topic.into();
        Self {
            sink,
            topic,
            batching,
            collected: Collected::new(batching),
            clock,
        }
    }

    pub(crate) fn collect(&mut self, record: &Record<'_>) -> Result<()> {
        let size = record.bytes();
        let record = SinkRecord::decode(&self.topic, 0, record)?;
        self.collected.push(record, size, self.now());
        Ok(())
    }

    /// Writes what is due; whether anything was.
    pub(crate) async fn write_due(&mut self) -> Result<bool> {
        let mut wrote = false;
        while self.collected.due().is_some_and(|due| due <= self.now()) {
            self.write().await?;
            wrote = true;
        }
        Ok(wrote)
    }

    /// Writes everything.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        while !self.collected.is_empty() {
            self.write().await?;
        }
        Ok(())
    }

    /// Writes one batch. The pauses between attempts pass at once, on virtual time.
    async fn write(&mut self) -> Result<()> {
        let began = self.now();
        let batch = self.collected.take(began);
        let mut attempts = Attempts::new(self.sink.descriptor().name, &self.batching);
        while let Err(error) = attempt(&mut self.sink, &batch).await {
            match attempts.failed(&batch, error, self.now() - began) {
                Ok(pause) => self.clock.advance(pause),
                Err(error) => {
                    self.collected.put_back(batch);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        let now = self.clock.now().duration_since(SystemTime::UNIX_EPOCH);
        now.unwrap_or_default()
    }
}
