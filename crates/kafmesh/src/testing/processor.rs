//! Drives one processor's handlers, record by record.

use std::time::{Duration, SystemTime};

use prost::Message;

use crate::error::Result;
use crate::kafka::{Headers, OwnedRecord, Record, millis_of};
use crate::memory::{Captured, Contents, Log};
use crate::processor::{Processor, Tables, Work, process};
use crate::store::Table;

/// A processor without a broker; generated code wraps it with typed methods.
pub struct ProcessorTest<P: Processor> {
    processor: P,
    work: Work<P::State>,
    clock: Log,
    next_offset: i64,
    headers: Vec<(String, Vec<u8>)>,
    outputs: Vec<(u32, OwnedRecord)>,
}

impl<P: Processor> ProcessorTest<P> {
    /// A driver with no state and at the start of virtual time.
    pub fn new(processor: P) -> Self {
        let descriptor = processor.descriptor();
        let tables = Tables::in_memory(descriptor, |_| Table::in_memory());
        let work = Work::in_memory(descriptor, tables);
        Self {
            processor,
            work,
            clock: Log::new(),
            next_offset: 0,
            headers: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// Hands a message to input `input`.
    ///
    /// # Errors
    ///
    /// What the handler returned, with the record's position.
    pub async fn send<M: Message>(&mut self, input: usize, key: &str, message: &M) -> Result<()> {
        self.handle(input, key, Some(&message.encode_to_vec()))
            .await
    }

    /// Hands a delete to input `input`.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_delete(&mut self, input: usize, key: &str) -> Result<()> {
        self.handle(input, key, None).await
    }

    async fn handle(&mut self, input: usize, key: &str, value: Option<&[u8]>) -> Result<()> {
        let topic = self
            .processor
            .descriptor()
            .inputs
            .get(input)
            .map_or("", |input| input.topic);
        let record = Record {
            offset: self.next_offset,
            timestamp: millis_of(self.clock.now()),
            key: Some(key.as_bytes()),
            value,
            headers: Headers::memory(&self.headers),
        };
        self.next_offset += 1;
        process(&self.processor, &mut self.work, input, topic, 0, record).await?;
        self.outputs.extend(
            self.work
                .outbox
                .records()
                .map(|record| (record.topic, record.to_owned())),
        );
        self.work.outbox.clear();
        Ok(())
    }

    /// Headers of the records sent from now on.
    pub fn set_headers(&mut self, headers: &[(&str, &[u8])]) {
        self.headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
            .collect();
    }

    /// What was put out so far.
    pub fn outputs(&self) -> Outputs<'_> {
        Outputs {
            records: &self.outputs,
        }
    }

    /// Forgets what was put out so far.
    pub fn clear_outputs(&mut self) {
        self.outputs.clear();
    }

    /// The state of `key`; `None` when it has none.
    ///
    /// # Errors
    ///
    /// When the stored bytes are not a state, which the processor's type rules out.
    pub fn state(&self, key: &str) -> Result<Option<P::State>> {
        self.work.peek(key)
    }

    /// Gives `key` a state to start from.
    pub fn set_state(&mut self, key: &str, state: P::State) {
        self.work.set(key, state);
    }

    /// Sets what join `index` has under `key`.
    pub fn set_join<M: Message>(&mut self, index: usize, key: &str, message: &M) {
        self.join(index).set(key, message);
    }

    /// Removes what join `index` has under `key`.
    pub fn remove_join(&mut self, index: usize, key: &str) {
        self.join::<()>(index).remove(key);
    }

    /// Sets what lookup `index` has under `key`.
    pub fn set_lookup<M: Message>(&mut self, index: usize, key: &str, message: &M) {
        self.lookup(index).set(key, message);
    }

    /// Removes what lookup `index` has under `key`.
    pub fn remove_lookup(&mut self, index: usize, key: &str) {
        self.lookup::<()>(index).remove(key);
    }

    fn join<M: Message>(&self, index: usize) -> Contents<M> {
        Contents::new(self.work.tables().joins[index].table().clone())
    }

    fn lookup<M: Message>(&self, index: usize) -> Contents<M> {
        Contents::new(self.work.tables().lookups[index].table().clone())
    }

    /// Moves virtual time forward.
    pub fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
    }

    /// Virtual time now.
    pub fn now(&self) -> SystemTime {
        self.clock.now()
    }
}

impl<P: Processor> std::fmt::Debug for ProcessorTest<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProcessorTest")
            .field("processor", &self.processor.descriptor().name)
            .finish_non_exhaustive()
    }
}

/// What a processor put out, in order.
#[derive(Debug, Clone, Copy)]
pub struct Outputs<'a> {
    records: &'a [(u32, OwnedRecord)],
}

impl<'a> Outputs<'a> {
    /// Key and message of every record of output `index`, deletes left out.
    pub fn values<M: Message + Default>(&self, index: usize) -> Vec<(&'a str, M)> {
        self.of(index)
            .filter_map(|record| {
                let key = record
                    .key
                    .as_deref()
                    .and_then(|key| std::str::from_utf8(key).ok())?;
                Some((key, decode(record)?))
            })
            .collect()
    }

    /// Every record of output `index`.
    pub fn records<M: Message + Default>(&self, index: usize) -> Vec<Captured<M>> {
        self.of(index)
            .map(|record| Captured {
                key: String::from_utf8_lossy(record.key.as_deref().unwrap_or_default())
                    .into_owned(),
                value: decode(record),
                timestamp: crate::kafka::time_of(record.timestamp),
                headers: record.headers.clone(),
            })
            .collect()
    }

    fn of(&self, index: usize) -> impl Iterator<Item = &'a OwnedRecord> + use<'a> {
        self.records
            .iter()
            .filter(move |(output, _)| *output as usize == index)
            .map(|(_, record)| record)
    }
}

#[expect(
    clippy::expect_used,
    reason = "the same type was encoded a moment ago, by the context's typed method"
)]
fn decode<M: Message + Default>(record: &OwnedRecord) -> Option<M> {
    record
        .value
        .as_deref()
        .map(|value| M::decode(value).expect("an output decodes as the type it was encoded from"))
}
