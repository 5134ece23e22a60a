//! One batch through the user's code: attempts, the pauses between them, the error after the last.

use std::time::Duration;

use prost::Message;

use super::batching::Batching;
use super::record::SinkRecord;
use crate::codegen::SinkDescriptor;
use crate::error::{Error, Position, Result};
use crate::guard::guarded;
use crate::retry::Backoff;

/// A sink as generated code implements it: names the topic and calls the user's `write`.
pub trait Sink: Send + 'static {
    /// What the topic holds.
    type Message: Message + Default + Send + Sync + 'static;

    /// What it is.
    fn descriptor(&self) -> &'static SinkDescriptor;

    /// Writes a batch, which has at least one record.
    fn write(
        &mut self,
        batch: &[SinkRecord<Self::Message>],
    ) -> impl Future<Output = Result<()>> + Send;
}

/// Lets `sink` write `batch` once; a panic is an error.
pub(crate) async fn attempt<S: Sink>(sink: &mut S, batch: &[SinkRecord<S::Message>]) -> Result<()> {
    let written = guarded(async { sink.write(batch).await }).await;
    written
        .output
        .unwrap_or_else(|said| Err(Error::Panicked { said }))
}

/// The attempts to write one batch.
pub(crate) struct Attempts<'a> {
    /// Of the sink, for messages to people.
    title: &'a str,
    failed: u32,
    backoff: Backoff,
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(title: &'a str, batching: &Batching) -> Self {
        Self {
            title,
            failed: 0,
            backoff: Backoff::new(batching.retry_for),
        }
    }

    /// What follows from an attempt's failure, `elapsed` after the first began: how long to wait
    /// before the next, or the error after the last.
    pub(crate) fn failed<M>(
        &mut self,
        batch: &[SinkRecord<M>],
        error: Error,
        elapsed: Duration,
    ) -> Result<Duration> {
        let Some(pause) = self.backoff.pause(elapsed) else {
            return Err(self.given_up(batch, error));
        };
        self.failed += 1;
        tracing::warn!(sink = self.title, records = batch.len(), attempts = self.failed, ?pause, %error, "writing a batch failed, trying again");
        Ok(pause)
    }

    /// The error after the last attempt, which failed with `error`.
    pub(crate) fn given_up<M>(&self, batch: &[SinkRecord<M>], error: Error) -> Error {
        let position = |record: Option<&SinkRecord<M>>| {
            Box::new(record.map_or_else(Position::default, SinkRecord::position))
        };
        Error::Write {
            records: batch.len(),
            first: position(batch.first()),
            last: position(batch.last()),
            attempts: self.failed + 1,
            source: Box::new(error),
        }
    }
}
