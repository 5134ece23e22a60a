//! Records as they come in: a batch owns the bytes, a record lends them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::rdkafka::{MessageHeaders, Messages};
use crate::error::Position;

/// Records of one partition, in offset order.
///
/// The client's buffers are held until the batch is dropped; nothing is copied per record.
pub(crate) struct Batch {
    topic: Arc<str>,
    partition: i32,
    bytes: Bytes,
}

enum Bytes {
    Rdkafka(Messages),
    Memory(Vec<OwnedRecord>),
}

impl Batch {
    pub(crate) fn rdkafka(topic: Arc<str>, partition: i32, messages: Messages) -> Self {
        Self {
            topic,
            partition,
            bytes: Bytes::Rdkafka(messages),
        }
    }

    pub(crate) fn memory(topic: Arc<str>, partition: i32, records: Vec<OwnedRecord>) -> Self {
        Self {
            topic,
            partition,
            bytes: Bytes::Memory(records),
        }
    }

    pub(crate) fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    pub(crate) fn partition(&self) -> i32 {
        self.partition
    }

    pub(crate) fn len(&self) -> usize {
        match &self.bytes {
            Bytes::Rdkafka(messages) => messages.len(),
            Bytes::Memory(records) => records.len(),
        }
    }

    /// Bytes of keys and values together.
    pub(crate) fn bytes(&self) -> usize {
        self.records().map(|record| record.bytes()).sum()
    }

    /// The record at `index`, which is below [`len`](Self::len).
    pub(crate) fn record(&self, index: usize) -> Record<'_> {
        match &self.bytes {
            Bytes::Rdkafka(messages) => messages.record(index),
            Bytes::Memory(records) => records[index].lend(),
        }
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        (0..self.len()).map(|index| self.record(index))
    }
}

/// One record, borrowed from its batch.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) offset: i64,
    /// Milliseconds since the Unix epoch; `-1` when the record has none.
    pub(crate) timestamp: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: Headers<'a>,
}

impl<'a> Record<'a> {
    /// Bytes of key and value together.
    pub(crate) fn bytes(&self) -> usize {
        self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len)
    }

    /// Its key as text, or why it has none.
    pub(crate) fn text_key(&self) -> Result<&'a str, String> {
        let key = self
            .key
            .ok_or("it has no key, and records are told apart by keys")?;
        std::str::from_utf8(key).map_err(|error| format!("its key is not UTF-8: {error}"))
    }

    /// Where it is, for error messages.
    pub(crate) fn position(&self, topic: &str, partition: i32) -> Position {
        Position {
            topic: topic.to_owned(),
            partition,
            offset: self.offset,
            key: self.key.map(readable),
        }
    }
}

/// A key for error messages; what is not UTF-8 is escaped.
pub(crate) fn readable(key: &[u8]) -> String {
    std::str::from_utf8(key).map_or_else(|_| key.escape_ascii().to_string(), str::to_owned)
}

/// The headers of a record, parsed when they are asked for.
///
/// ```no_run
/// # fn show(headers: kafmesh::Headers<'_>) {
/// for (name, value) in headers {
///     println!("{name}: {} bytes", value.len());
/// }
/// assert_eq!(headers.get("traceparent"), None);
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Headers<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Rdkafka(MessageHeaders<'a>),
    Memory(&'a [(String, Vec<u8>)]),
}

impl<'a> Headers<'a> {
    pub(crate) fn rdkafka(headers: MessageHeaders<'a>) -> Self {
        Self(Source::Rdkafka(headers))
    }

    pub(crate) fn memory(headers: &'a [(String, Vec<u8>)]) -> Self {
        Self(Source::Memory(headers))
    }

    /// The value of the last header called `name`.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.iter()
            .filter(|(candidate, _)| *candidate == name)
            .last()
            .map(|(_, value)| value)
    }

    /// Name and value of every header, in order. A header without a value reads as empty;
    /// one whose name is not UTF-8 is left out.
    pub fn iter(self) -> HeadersIter<'a> {
        HeadersIter {
            headers: self,
            next: 0,
        }
    }

    fn at(self, index: usize) -> Option<Option<(&'a str, &'a [u8])>> {
        match self.0 {
            Source::Rdkafka(headers) => headers
                .at(index)
                .map(|(name, value)| Some((std::str::from_utf8(name).ok()?, value))),
            Source::Memory(headers) => headers
                .get(index)
                .map(|(name, value)| Some((name.as_str(), value.as_slice()))),
        }
    }
}

impl std::fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for Headers<'a> {
    type Item = (&'a str, &'a [u8]);
    type IntoIter = HeadersIter<'a>;

    fn into_iter(self) -> HeadersIter<'a> {
        self.iter()
    }
}

/// Iterates over [`Headers`].
#[derive(Debug, Clone)]
pub struct HeadersIter<'a> {
    headers: Headers<'a>,
    next: usize,
}

impl<'a> Iterator for HeadersIter<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let found = self.headers.at(self.next)?;
            self.next += 1;
            if found.is_some() {
                return found;
            }
        }
    }
}

/// A record that owns its bytes: what the in-memory back end holds.
#[derive(Debug, Clone)]
pub(crate) struct OwnedRecord {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl OwnedRecord {
    fn lend(&self) -> Record<'_> {
        Record {
            offset: self.offset,
            timestamp: self.timestamp,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: Headers::memory(&self.headers),
        }
    }
}

/// Kafka's milliseconds as a point in time; a record without a timestamp reads as the epoch.
pub(crate) fn time_of(timestamp: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(timestamp.max(0).unsigned_abs())
}

/// A point in time as Kafka's milliseconds; times before the epoch read as the epoch.
pub(crate) fn millis_of(time: SystemTime) -> i64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
