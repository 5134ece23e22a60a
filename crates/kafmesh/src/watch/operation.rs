//! What happened with one record, as bytes: what a task hands to those who watch.

use std::ops::Range;
use std::time::SystemTime;

use crate::error::Error;
use crate::kafka::Record;

/// Bytes of a value that are kept; a longer one is not shown, but its length is.
pub(crate) const MAX_VALUE: usize = 64 << 10;

/// Bytes of an operation that are kept; values are not shown that would make it more, keys are.
pub(crate) const MAX_BYTES: usize = 256 << 10;

/// Bytes of a key that are kept.
const MAX_KEY: usize = 1 << 10;

/// Bytes of an error that are kept.
pub(crate) const MAX_ERROR: usize = 4 << 10;

/// Actions, and bytes besides the record's, that most operations have no more of.
const USUAL_ACTIONS: usize = 8;
const USUAL_BYTES: usize = 256;

/// Actions that are kept; of those that come later it is told how many there were.
pub(crate) const MAX_ACTIONS: usize = 256;

/// One record's handling.
pub(crate) struct Operation {
    pub(super) began: SystemTime,
    pub(super) ended: SystemTime,
    /// The place of the input in the processor's descriptor.
    pub(super) input: usize,
    pub(super) partition: i32,
    pub(super) offset: i64,
    /// In Kafka's milliseconds.
    pub(super) timestamp: i64,
    pub(super) key: Range<usize>,
    pub(super) value: Value,
    pub(super) actions: Vec<Action>,
    /// Of every part, actions that were not kept.
    pub(super) omitted: Vec<u64>,
    pub(super) error: Option<String>,
    bytes: Vec<u8>,
}

/// Something a handler read or did.
pub(crate) struct Action {
    pub(super) kind: Kind,
    /// Which of several processors that run as one did it.
    pub(super) part: usize,
    pub(super) key: Range<usize>,
    pub(super) value: Value,
}

/// What was read or done; a number is the place in the processor's descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Join(usize),
    Lookup(usize),
    GetState,
    SetState,
    Output(usize),
}

/// Where a value is, or why it is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    /// There is none: a delete, or nothing under the key.
    None,
    Bytes(Range<usize>),
    /// It was too long to be kept; its length.
    TooLong(usize),
}

impl Operation {
    /// The handling of `record` begins.
    pub(super) fn begin(input: usize, partition: i32, record: &Record<'_>) -> Self {
        let key = record.key.unwrap_or_default();
        let length = key.len().min(MAX_KEY) + record.value.map_or(0, <[u8]>::len).min(MAX_VALUE);
        let mut operation = Self {
            began: SystemTime::now(),
            ended: SystemTime::UNIX_EPOCH,
            input,
            partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: 0..0,
            value: Value::None,
            actions: Vec::with_capacity(USUAL_ACTIONS),
            omitted: Vec::new(),
            error: None,
            bytes: Vec::with_capacity(length + USUAL_BYTES),
        };
        operation.key = operation.keep_key(key);
        operation.value = operation.keep(record.value);
        operation
    }

    /// Appends an action of `part`, unless there are too many.
    pub(super) fn act(&mut self, part: usize, kind: Kind, key: &[u8], value: Option<&[u8]>) {
        if self.has_room(part) {
            let key = self.keep_key(key);
            let value = self.keep(value);
            self.actions.push(Action {
                kind,
                part,
                key,
                value,
            });
        }
    }

    /// The same without a key, with a value of `length` bytes that `write` appends.
    pub(super) fn act_encoded(
        &mut self,
        part: usize,
        kind: Kind,
        length: usize,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        if !self.has_room(part) {
            return;
        }
        let value = if self.fits(length) {
            let start = self.bytes.len();
            write(&mut self.bytes);
            Value::Bytes(start..self.bytes.len())
        } else {
            Value::TooLong(length)
        };
        self.actions.push(Action {
            kind,
            part,
            key: 0..0,
            value,
        });
    }

    fn has_room(&mut self, part: usize) -> bool {
        let has_room = self.actions.len() < MAX_ACTIONS;
        if !has_room {
            if self.omitted.len() <= part {
                self.omitted.resize(part + 1, 0);
            }
            self.omitted[part] += 1;
        }
        has_room
    }

    fn fits(&self, length: usize) -> bool {
        length <= MAX_VALUE && self.bytes.len() + length <= MAX_BYTES
    }

    fn keep(&mut self, value: Option<&[u8]>) -> Value {
        match value {
            None => Value::None,
            Some(value) if !self.fits(value.len()) => Value::TooLong(value.len()),
            Some(value) => {
                let start = self.bytes.len();
                self.bytes.extend_from_slice(value);
                Value::Bytes(start..self.bytes.len())
            }
        }
    }

    fn keep_key(&mut self, key: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        if key.len() <= MAX_KEY {
            self.bytes.extend_from_slice(key);
        } else {
            // Within a character, if need be: what is not UTF-8 is escaped where it is shown.
            let mut end = MAX_KEY;
            while end > MAX_KEY - 3 && key[end] & 0xc0 == 0x80 {
                end -= 1;
            }
            self.bytes.extend_from_slice(&key[..end]);
            self.bytes.extend_from_slice("…".as_bytes());
        }
        start..self.bytes.len()
    }

    /// The handling ends, perhaps with an error.
    pub(super) fn end(&mut self, error: Option<&Error>) {
        self.ended = SystemTime::now();
        self.error = error.map(|error| {
            let mut text = error.to_string();
            if text.len() > MAX_ERROR {
                let end = (0..=MAX_ERROR).rfind(|end| text.is_char_boundary(*end));
                text.truncate(end.unwrap_or_default());
                text.push('…');
                text.shrink_to_fit();
            }
            text
        });
    }

    pub(super) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }

    /// The memory it takes, about.
    pub(super) fn size(&self) -> usize {
        let error = self.error.as_ref().map_or(0, String::capacity);
        size_of::<Self>()
            + self.bytes.capacity()
            + self.actions.capacity() * size_of::<Action>()
            + error
    }
}
