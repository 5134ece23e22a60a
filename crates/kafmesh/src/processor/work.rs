//! What one partition of a processor works with: its state and the records that go out, and the
//! effects of the record at hand, which take place together or not at all.

use prost::Message;

use super::cache::{Cache, Slot};
use super::tables::Tables;
use crate::codegen::ProcessorDescriptor;
use crate::error::{Error, Result, key_too_long, message_name};
use crate::kafka::{Mark, OutTopic, Outbox, partition_of, readable};
use crate::store::{MAX_KEY, Table, TableBatch};
use crate::watch::{Kind, Tap};

/// What a state must be able to do; every prost message is one.
pub trait State: Message + Default + Clone + 'static {}

impl<T: Message + Default + Clone + 'static> State for T {}

/// The state of a processor that declares none.
pub type NoState = ();

pub(crate) struct Work<S> {
    pub(crate) outbox: Outbox,
    outputs: Box<[OutTopic]>,
    cache: Cache<S>,
    /// States that were found in the cache, and that were not, since somebody asked.
    lookups: (u64, u64),
    table: Option<Table>,
    tables: Tables,
    current: Current<S>,
    /// Where those look who watch.
    pub(crate) tap: Tap,
    /// Bytes of key and value that the producer takes.
    largest: usize,
}

/// The effects of the record at hand, besides the outputs, which the outbox can take back.
struct Current<S> {
    slot: Option<Slot>,
    change: Option<Change<S>>,
    mark: Option<Mark>,
}

enum Change<S> {
    /// A state and its encoded size.
    Save(S, usize),
    Delete,
}

/// What a record may have when nothing else is set: librdkafka's `message.max.bytes`.
pub(crate) const LARGEST_RECORD: usize = 1_000_000;

impl<S: State> Work<S> {
    /// `outputs` in the order of the descriptor; `table` holds the state, if there is one; `tables`
    /// is what is joined and looked up.
    pub(crate) fn new(
        outputs: Box<[OutTopic]>,
        table: Option<Table>,
        tables: Tables,
        cache_bytes: usize,
        largest: usize,
    ) -> Self {
        Self {
            outbox: Outbox::default(),
            outputs,
            cache: Cache::new(cache_bytes),
            lookups: (0, 0),
            table,
            tables,
            current: Current {
                slot: None,
                change: None,
                mark: None,
            },
            tap: Tap::default(),
            largest,
        }
    }

    /// For tests: outputs numbered as in the descriptor, state in memory.
    pub(crate) fn in_memory(descriptor: &ProcessorDescriptor, tables: Tables) -> Self {
        let output = |index| OutTopic {
            index,
            partitions: 1,
        };
        let outputs = (0..descriptor.outputs.len() as u32).map(output).collect();
        let table = descriptor.persistence.as_ref().map(|_| Table::in_memory());
        Self::new(outputs, table, tables, usize::MAX, LARGEST_RECORD)
    }

    pub(crate) fn table(&self) -> Option<&Table> {
        self.table.as_ref()
    }

    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    pub(crate) fn is_full_of_changes(&self) -> bool {
        self.cache.is_full_of_changes()
    }

    /// The state of `key` as the record at hand sees it.
    pub(super) fn state(&mut self, part: usize, key: &str) -> Result<S> {
        let state = match &self.current.change {
            Some(Change::Save(state, _)) => Some(state),
            Some(Change::Delete) => None,
            None => {
                let slot = self.slot(key)?;
                self.cache.get(slot)
            }
        };
        self.tap.act_on_state(part, Kind::GetState, state);
        Ok(state.cloned().unwrap_or_default())
    }

    /// Sets the state that the record at hand leaves.
    pub(super) fn save_state(&mut self, part: usize, state: S) {
        self.tap.act_on_state(part, Kind::SetState, Some(&state));
        let size = state.encoded_len();
        self.current.change = Some(Change::Save(state, size));
    }

    /// The record at hand leaves no state.
    pub(super) fn delete_state(&mut self, part: usize) {
        self.tap.act_on_state(part, Kind::SetState, None::<&S>);
        self.current.change = Some(Change::Delete);
    }

    /// Appends a record of output `index`, for number `part` of the processors; no message is a delete.
    pub(super) fn output(
        &mut self,
        (part, index): (usize, usize),
        timestamp: i64,
        key: &str,
        message: Option<&impl Message>,
    ) {
        let topic = self.outputs[index];
        let partition = partition_of(key.as_bytes(), topic.partitions);
        let write = message.map(|message| move |buffer: &mut Vec<u8>| encode(message, buffer));
        self.outbox
            .append(topic, partition, timestamp, key.as_bytes(), write);
        if self.tap.is_watched() {
            let value = self.outbox.get(self.outbox.len() - 1).value;
            self.tap.act(part, Kind::Output(index), key, value);
        }
    }

    fn slot(&mut self, key: &str) -> Result<Slot> {
        if let Some(slot) = self.current.slot {
            return Ok(slot);
        }
        let slot = match self.cache.find(key.as_bytes()) {
            Some(slot) => {
                self.lookups.0 += 1;
                slot
            }
            None => {
                self.lookups.1 += 1;
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

    /// Whether the effects of the record at hand can be written at all. What cannot is found here,
    /// where the record is known, rather than at the commit, where only the whole batch is.
    pub(crate) fn check(&self, key: &str) -> Result<()> {
        if let Some(mark) = self.current.mark {
            for record in self.outbox.since(mark) {
                self.fits("an output", record.key, record.value.map_or(0, <[u8]>::len))?;
            }
        }
        match &self.current.change {
            Some(_) if key.len() > MAX_KEY => Err(key_too_long(key.as_bytes())),
            Some(Change::Save(_, size)) => self.fits("its state", key.as_bytes(), *size),
            _ => Ok(()),
        }
    }

    fn fits(&self, what: &'static str, key: &[u8], value: usize) -> Result<()> {
        let (bytes, largest) = (key.len() + value, self.largest);
        if bytes <= largest {
            return Ok(());
        }
        Err(Error::RecordTooLarge {
            what,
            key: readable(key),
            bytes,
            largest,
        })
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
            Change::Save(state, size) => self.cache.set(slot, Some(state), size),
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

    /// How many entries and bytes the cache has.
    pub(super) fn cache_size(&self) -> (usize, usize) {
        self.cache.size()
    }

    /// How often a state was found in the cache, and how often not, since the last call.
    pub(super) fn take_cache_lookups(&mut self) -> (u64, u64) {
        std::mem::take(&mut self.lookups)
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
        self.save_state(0, state);
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

#[cfg(test)]
mod tests {
    use super::super::context::Context;
    use super::*;
    use crate::kafka::Headers;
    use crate::kafka::Record;

    /// A work of one output that has handled nothing; records may have 100 bytes.
    fn work() -> Work<String> {
        let outputs = [OutTopic {
            index: 0,
            partitions: 1,
        }];
        let mut work = Work::new(
            Box::new(outputs),
            Some(Table::in_memory()),
            Tables::default(),
            usize::MAX,
            100,
        );
        work.begin();
        work
    }

    /// Does `effects` for a record of `key`, and says what is wrong with them.
    fn check(key: &str, effects: impl FnOnce(&mut Context<'_, String>)) -> Option<String> {
        let mut work = work();
        let record = Record {
            offset: 0,
            timestamp: 0,
            key: Some(key.as_bytes()),
            value: None,
            headers: Headers::memory(&[]),
        };
        effects(&mut Context::new(&mut work, record, key, "in", 0));
        work.check(key).err().map(|error| error.to_string())
    }

    #[test]
    fn effects_that_cannot_be_written_are_found_with_their_record() {
        let long = "x".repeat(200);
        assert_eq!(
            check("k", |ctx| ctx.output(0, "k", &"short".to_owned())),
            None
        );
        assert_eq!(check("k", |ctx| ctx.save_state("short".to_owned())), None);
        assert_eq!(check(&"k".repeat(70_000), |_| {}), None);

        let said = check("k", |ctx| ctx.output(0, "out", &long)).unwrap();
        assert!(
            said.starts_with(
                "an output under key \"out\" has 206 bytes, and the producer takes 100;"
            ),
            "{said}"
        );
        let said = check("k", |ctx| ctx.save_state(long.clone())).unwrap();
        assert!(
            said.starts_with("its state under key \"k\" has 204 bytes"),
            "{said}"
        );
        let said = check(&"k".repeat(70_000), |ctx| ctx.save_state(String::new())).unwrap();
        assert_eq!(
            said,
            format!(
                "the key {:?}… has 70000 bytes, and the longest that a table can have has 65534",
                "k".repeat(40)
            )
        );
    }
}
