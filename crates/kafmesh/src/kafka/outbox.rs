//! The open batch of records that go out: everything appended lies in one buffer until it is sent.

use smallvec::SmallVec;

use super::record::OwnedRecord;

/// A topic as a producer knows it: resolved once, then an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutTopic {
    pub(crate) index: u32,
    pub(crate) partitions: i32,
}

/// Records that wait to be sent, in the order they were appended.
///
/// One per task: no locks, no allocation per record once the buffers have grown.
#[derive(Default)]
pub(crate) struct Outbox {
    bytes: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    topic: u32,
    partition: i32,
    timestamp: i64,
    start: usize,
    key_end: usize,
    /// `None` is a delete.
    value_end: Option<usize>,
    headers: (u32, u32),
}

/// A point to go back to; see [`Outbox::rollback`].
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    bytes: usize,
    headers: usize,
    entries: usize,
}

/// Records and bytes, by the index of their topic; few processors write to more than these.
pub(crate) type Tally = SmallVec<[(u64, u64); 8]>;

/// A record to be sent, borrowed from the outbox.
pub(crate) struct OutRecord<'a> {
    pub(crate) topic: u32,
    pub(crate) partition: i32,
    pub(crate) timestamp: i64,
    pub(crate) key: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
    pub(crate) headers: &'a [(String, Vec<u8>)],
}

impl Outbox {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Bytes of keys and values together.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            bytes: self.bytes.len(),
            headers: self.headers.len(),
            entries: self.entries.len(),
        }
    }

    /// Forgets everything appended after `mark`.
    pub(crate) fn rollback(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.headers.truncate(mark.headers);
        self.entries.truncate(mark.entries);
    }

    /// Appends a record to `partition`; `write` appends the value to the buffer, `None` is a delete.
    pub(crate) fn append<W>(
        &mut self,
        topic: OutTopic,
        partition: i32,
        timestamp: i64,
        key: &[u8],
        write: Option<W>,
    ) where
        W: FnOnce(&mut Vec<u8>),
    {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        let value_end = write.map(|write| {
            write(&mut self.bytes);
            self.bytes.len()
        });
        let headers = self.headers.len() as u32;
        self.entries.push(Entry {
            topic: topic.index,
            partition,
            timestamp,
            start,
            key_end,
            value_end,
            headers: (headers, headers),
        });
    }

    /// Adds a header to the record appended last.
    pub(crate) fn header(&mut self, name: &str, value: &[u8]) {
        if let Some(entry) = self.entries.last_mut() {
            self.headers.push((name.to_owned(), value.to_owned()));
            entry.headers.1 += 1;
        }
    }

    /// The record at `index`, which is below [`len`](Self::len).
    pub(crate) fn get(&self, index: usize) -> OutRecord<'_> {
        let entry = &self.entries[index];
        OutRecord {
            topic: entry.topic,
            partition: entry.partition,
            timestamp: entry.timestamp,
            key: &self.bytes[entry.start..entry.key_end],
            value: entry.value_end.map(|end| &self.bytes[entry.key_end..end]),
            headers: &self.headers[entry.headers.0 as usize..entry.headers.1 as usize],
        }
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = OutRecord<'_>> {
        (0..self.len()).map(|index| self.get(index))
    }

    /// The records appended after `mark`.
    pub(crate) fn since(&self, mark: Mark) -> impl Iterator<Item = OutRecord<'_>> {
        (mark.entries..self.len()).map(|index| self.get(index))
    }

    /// How many records there are for the topic with each index, and their bytes.
    pub(crate) fn tally(&self) -> Tally {
        let mut tally = Tally::new();
        for entry in &self.entries {
            let topic = entry.topic as usize;
            if tally.len() <= topic {
                tally.resize(topic + 1, (0, 0));
            }
            let (records, bytes) = &mut tally[topic];
            *records += 1;
            *bytes += (entry.value_end.unwrap_or(entry.key_end) - entry.start) as u64;
        }
        tally
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.headers.clear();
        self.entries.clear();
    }
}

impl OutRecord<'_> {
    pub(crate) fn to_owned(&self) -> OwnedRecord {
        OwnedRecord {
            offset: -1,
            timestamp: self.timestamp,
            key: Some(self.key.to_vec()),
            value: self.value.map(<[u8]>::to_vec),
            headers: self.headers.to_vec(),
        }
    }
}
