//! What a handler sees of the record at hand, and how it says what comes of it.

use prost::Message;

use super::work::{State, Work};
use crate::error::Result;
use crate::kafka::Record;
use crate::watch::Kind;

/// The record at hand, its key's state, what is joined and looked up, and what comes of it.
pub struct Context<'a, S> {
    work: &'a mut Work<S>,
    record: Record<'a>,
    key: &'a str,
    topic: &'a str,
    partition: i32,
    shift: Shift,
    /// Its place among several processors that run as one.
    part: usize,
}

/// How far the numbers of a processor's parts are from those of the whole it is a part of.
#[derive(Clone, Copy, Default)]
struct Shift {
    joins: usize,
    lookups: usize,
    outputs: usize,
}

impl<'a, S: State> Context<'a, S> {
    pub(super) fn new(
        work: &'a mut Work<S>,
        record: Record<'a>,
        key: &'a str,
        topic: &'a str,
        partition: i32,
    ) -> Self {
        Self {
            work,
            record,
            key,
            topic,
            partition,
            shift: Shift::default(),
            part: 0,
        }
    }

    /// The same for number `part` of several processors that run as one; their effects add up.
    pub fn part(&mut self, part: usize) -> Context<'_, S> {
        Context {
            work: self.work,
            record: self.record,
            key: self.key,
            topic: self.topic,
            partition: self.partition,
            shift: self.shift,
            part,
        }
    }

    /// For a processor whose joins, lookups and outputs come after so many others.
    pub fn shifted(mut self, joins: usize, lookups: usize, outputs: usize) -> Self {
        self.shift.joins += joins;
        self.shift.lookups += lookups;
        self.shift.outputs += outputs;
        self
    }

    /// The record's key.
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// When the record was produced; the epoch when it does not say.
    pub fn timestamp(&self) -> std::time::SystemTime {
        crate::kafka::time_of(self.record.timestamp)
    }

    /// The record's headers.
    pub fn headers(&self) -> crate::Headers<'a> {
        self.record.headers
    }

    /// The topic the record came from.
    pub fn topic(&self) -> &'a str {
        self.topic
    }

    /// The partition the record came from.
    pub fn partition(&self) -> i32 {
        self.partition
    }

    /// The record's offset.
    pub fn offset(&self) -> i64 {
        self.record.offset
    }

    /// The message that join `index` has under the record's key.
    ///
    /// # Errors
    ///
    /// [`Error::Entry`](crate::Error::Entry) when it is not an `M`, and when the local store fails.
    pub fn join<M: Message + Default>(&self, index: usize) -> Result<Option<M>> {
        let index = self.shift.joins + index;
        self.work.tables().joins[index].get_and(self.key, |value| {
            self.work.tap.act(self.part, Kind::Join(index), "", value);
        })
    }

    /// The message that lookup `index` has under `key`.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub fn lookup<M: Message + Default>(&self, index: usize, key: &str) -> Result<Option<M>> {
        let index = self.shift.lookups + index;
        self.work.tables().lookups[index].get_and(key, |value| {
            self.work
                .tap
                .act(self.part, Kind::Lookup(index), key, value);
        })
    }

    /// The state of the record's key; the default when there is none.
    ///
    /// # Errors
    ///
    /// When the local store fails or holds something that is not an `S`.
    pub fn state(&mut self) -> Result<S> {
        self.work.state(self.part, self.key)
    }

    /// Sets the state of the record's key.
    pub fn save_state(&mut self, state: S) {
        self.work.save_state(self.part, state);
    }

    /// Removes the state of the record's key.
    pub fn delete_state(&mut self) {
        self.work.delete_state(self.part);
    }

    /// Sends a message to output `index`, with the timestamp of the record at hand.
    pub fn output<M: Message>(&mut self, index: usize, key: &str, message: &M) {
        let index = self.shift.outputs + index;
        self.work.output(
            (self.part, index),
            self.record.timestamp,
            key,
            Some(message),
        );
    }

    /// Sends a delete to output `index`.
    pub fn output_delete(&mut self, index: usize, key: &str) {
        let index = self.shift.outputs + index;
        self.work
            .output((self.part, index), self.record.timestamp, key, None::<&()>);
    }
}

impl<S> std::fmt::Debug for Context<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("topic", &self.topic)
            .field("partition", &self.partition)
            .field("offset", &self.record.offset)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
