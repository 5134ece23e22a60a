//! The records of a large table: made from their number alone, so that nobody has to keep them.

use prost::Message as _;

use crate::definitions::models::TotalClicksState;
use crate::workload::{key_text, mixed};

/// Larger than any number of entries and prime, so that multiplying with it visits every key once.
const STRIDE: u64 = 2_654_435_761;

/// How many entries a table has, and how often each was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entries {
    pub(crate) entries: u64,
    pub(crate) versions: u64,
}

impl Entries {
    /// How many records the table's topic has.
    pub(crate) fn records(self) -> u64 {
        self.entries * self.versions
    }

    /// Every record of the topic: every key once in an order without a pattern, then again.
    pub(crate) fn all(self) -> impl Iterator<Item = (String, Vec<u8>)> {
        (0..self.records()).map(move |record| {
            let key = self.shuffled(record);
            let count = count(key, record / self.entries);
            (key_text(key), TotalClicksState { count }.encode_to_vec())
        })
    }

    /// The `number`th key in that order.
    pub(crate) fn shuffled(self, number: u64) -> u64 {
        number % self.entries * STRIDE % self.entries
    }

    /// What the table holds under `key`: the value that was written last.
    pub(crate) fn last(self, key: u64) -> u64 {
        count(key, self.versions - 1)
    }
}

/// The value of `key` as it is written the `version`th time.
fn count(key: u64, version: u64) -> u64 {
    1 + mixed(key ^ version << 40) % 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_written_once_per_version() {
        let entries = Entries {
            entries: 1000,
            versions: 3,
        };
        let records: Vec<_> = entries.all().collect();
        for version in records.chunks(1000) {
            let mut keys: Vec<_> = version.iter().map(|(key, _)| key).collect();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len(), 1000);
        }
        for (number, (key, value)) in (0..).zip(&records[2000..]) {
            let number = entries.shuffled(number);
            assert_eq!(*key, key_text(number));
            let count = TotalClicksState::decode(&value[..]).unwrap().count;
            assert_eq!(count, entries.last(number));
        }
        assert_ne!(records[0].1, records[1000].1);
    }
}
