//! What one partition of a processor works with: its state and the records that go out, and the
//! effects of the record at hand, which take place together or not at all.

use prost::Message;

use super::cache::{Cache, Slot};
use crate::error::{Position, Result, message_name};
use crate::kafka::{Mark, OutTopic, Outbox, Record, partition_of};
use crate::store::{Table, TableBatch};

/// What a state must be able to do; every prost message is one.
pub trait State: Message + Default + Clone + 'static {}

impl<T: Message + Default + Clone + 'static> State for T {}

/// The state of a processor that declares none.
pub type NoState = ();

pub(crate) struct Work<S> {
    pub(crate) outbox: Outbox,
    outputs: Box<[OutTopic]>,
    cache: Cache<S>,
    table: Option<Table>,
    current: Current<S>,
}

/// The effects of the record at hand, besides the outputs, which the outbox can take back.
struct Current<S> {
    slot: Option<Slot>,
    change: Option<Change<S>>,
    mark: Option<Mark>,
}

enum Change<S> {
    Save(S),
    Delete,
}

impl<S: State> Work<S> {
    /// `outputs` in the order of the descriptor; `table` holds the state, if there is one.
    pub(crate) fn new(outputs: Box<[OutTopic]>, table: Option<Table>, cache_bytes: usize) -> Self {
        Self {
            outbox: Outbox::default(),
            outputs,
            cache: Cache::new(cache_bytes),
            table,
            current: Current {
                slot: None,
                change: None,
                mark: None,
            },
        }
    }

    pub(crate) fn table(&self) -> Option<&Table> {
        self.table.as_ref()
    }

    pub(crate) fn is_full_of_changes(&self) -> bool {
        self.cache.is_full_of_changes()
    }

    /// The state of `key` as the record at hand sees it.
    fn state(&mut self, key: &str) -> Result<S> {
        match &self.current.change {
            Some(Change::Save(state)) => return Ok(state.clone()),
            Some(Change::Delete) => return Ok(S::default()),
            None => {}
        }
        let slot = self.slot(key)?;
        Ok(self.cache.get(slot).cloned().unwrap_or_default())
    }

    fn slot(&mut self, key: &str) -> Result<Slot> {
        if let Some(slot) = self.current.slot {
            return Ok(slot);
        }
        let slot = match self.cache.find(key.as_bytes()) {
            Some(slot) => slot,
            None => {
                let (value, size) = read_state(self.table.as_ref(), key)?;
                self.cache.insert_clean(key.as_bytes(), value, size)
            }
        };
        self.current.slot = Some(slot);
        Ok(slot)
    }

    pub(crate) fn begin(&mut self) {
        self.current = Current {
            slot: None,
            change: None,
            mark: Some(self.outbox.mark()),
        };
    }

    /// The handler returned `Ok`: its effects take place.
    pub(crate) fn apply(&mut self, key: &str) {
        let Some(change) = self.current.change.take() else {
            return;
        };
        // A state that is replaced unread need not be read from the store.
        let found = self
            .current
            .slot
            .or_else(|| self.cache.find(key.as_bytes()));
        let slot = found.unwrap_or_else(|| self.cache.insert_clean(key.as_bytes(), None, 0));
        match change {
            Change::Save(state) => {
                let size = state.encoded_len();
                self.cache.set(slot, Some(state), size);
            }
            Change::Delete => self.cache.set(slot, None, 0),
        }
    }

    /// The handler failed: nothing it did takes place.
    pub(crate) fn discard(&mut self) {
        self.current.change = None;
        if let Some(mark) = self.current.mark.take() {
            self.outbox.rollback(mark);
        }
    }

    /// Appends every changed state to the outbox as records of the changelog and returns the batch
    /// that writes the same to the local table; the changes count as written from now on.
    pub(crate) fn take_changes(
        &mut self,
        changelog: OutTopic,
        partition: i32,
        timestamp: i64,
    ) -> Result<Option<TableBatch>> {
        let Some(table) = &self.table else {
            return Ok(None);
        };
        let mut batch = table.batch();
        for (key, value) in self.cache.dirty() {
            let write = value.map(|value| move |buffer: &mut Vec<u8>| encode(value, buffer));
            self.outbox
                .append(changelog, partition, timestamp, key, write);
            batch.put(key, self.outbox.get(self.outbox.len() - 1).value)?;
        }
        self.cache.written();
        Ok(Some(batch))
    }

    /// The state of `key` outside of a handler.
    pub(crate) fn peek(&self, key: &str) -> Result<Option<S>> {
        match self.cache.peek(key.as_bytes()) {
            Some(state) => Ok(state.cloned()),
            None => Ok(read_state(self.table.as_ref(), key)?.0),
        }
    }

    /// Gives `key` a state outside of a handler.
    pub(crate) fn set(&mut self, key: &str, state: S) {
        self.begin();
        self.current.change = Some(Change::Save(state));
        self.apply(key);
    }
}

fn read_state<S: State>(table: Option<&Table>, key: &str) -> Result<(Option<S>, usize)> {
    let Some(table) = table else {
        return Ok((None, 0));
    };
    let Some(value) = table.get(key.as_bytes())? else {
        return Ok((None, 0));
    };
    let bytes = value.as_ref();
    let state = S::decode(bytes).map_err(|error| {
        let action = format!("decoding the state of key {key:?} as {}", message_name::<S>());
        table.failed(&action, format!("{error}; if the message was changed in an incompatible way, give it a new persistence topic"))
    })?;
    Ok((Some(state), bytes.len()))
}

/// Appends a message; a `Vec` grows, so this cannot run out of room.
fn encode(message: &impl Message, buffer: &mut Vec<u8>) {
    message.encode_raw(buffer);
}

/// The record at hand, its key's state, and what comes of it.
pub struct Context<'a, S> {
    work: &'a mut Work<S>,
    record: Record<'a>,
    key: &'a str,
    topic: &'a str,
    partition: i32,
}

impl<'a, S: State> Context<'a, S> {
    pub(crate) fn new(
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
        }
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

    /// The state of the record's key; the default when there is none.
    ///
    /// # Errors
    ///
    /// When the local store fails or holds something that is not an `S`.
    pub fn state(&mut self) -> Result<S> {
        self.work.state(self.key)
    }

    /// Sets the state of the record's key.
    pub fn save_state(&mut self, state: S) {
        self.work.current.change = Some(Change::Save(state));
    }

    /// Removes the state of the record's key.
    pub fn delete_state(&mut self) {
        self.work.current.change = Some(Change::Delete);
    }

    /// Sends a message to output `index`, with the timestamp of the record at hand.
    pub fn output<M: Message>(&mut self, index: usize, key: &str, message: &M) {
        let topic = self.work.outputs[index];
        let partition = partition_of(key.as_bytes(), topic.partitions);
        let write = |buffer: &mut Vec<u8>| encode(message, buffer);
        self.work.outbox.append(
            topic,
            partition,
            self.record.timestamp,
            key.as_bytes(),
            Some(write),
        );
    }

    /// Sends a delete to output `index`.
    pub fn output_delete(&mut self, index: usize, key: &str) {
        let topic = self.work.outputs[index];
        let partition = partition_of(key.as_bytes(), topic.partitions);
        self.work.outbox.append(
            topic,
            partition,
            self.record.timestamp,
            key.as_bytes(),
            None::<fn(&mut Vec<u8>)>,
        );
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

/// Where `record` is, for error messages.
pub(crate) fn position(record: &Record<'_>, topic: &str, partition: i32) -> Position {
    Position {
        topic: topic.to_owned(),
        partition,
        offset: record.offset,
        key: record.key.map(readable),
    }
}

fn readable(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.escape_ascii().to_string(), str::to_owned)
}
