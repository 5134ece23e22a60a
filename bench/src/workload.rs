//! The records that every contender handles: made from their number alone, so that nobody has to keep them.

use prost::Message as _;

use crate::definitions::models::Click;

/// Size of an encoded value.
pub(crate) const VALUE_BYTES: usize = 100;

/// What fills a click up: [`VALUE_BYTES`] less the page (17 bytes) and two bytes of framing per field.
const PADDING_BYTES: usize = 79;

/// How many records there are, over how many keys.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload {
    pub(crate) records: u64,
    pub(crate) keys: u64,
}

impl Workload {
    /// The number of the key of record `record`: every key is as likely, which gives a cache the
    /// hardest time.
    pub(crate) fn key(self, record: u64) -> u64 {
        mixed(record) % self.keys
    }

    /// Every record: key and value.
    pub(crate) fn all(self) -> impl Iterator<Item = (String, Vec<u8>)> {
        (0..self.records).map(move |record| (key_text(self.key(record)), value(record)))
    }

    /// The number behind a key as records carry it; `None` when no record has that key.
    pub(crate) fn number(self, key: &[u8]) -> Option<usize> {
        key_number(key, self.keys)
    }
}

/// The number behind a key as records carry it; `None` when it is none of the first `keys`.
pub(crate) fn key_number(key: &[u8], keys: u64) -> Option<usize> {
    let number: u64 = std::str::from_utf8(key)
        .ok()?
        .strip_prefix("user-")?
        .parse()
        .ok()?;
    (number < keys).then_some(number as usize)
}

/// A key as records carry it.
pub(crate) fn key_text(number: u64) -> String {
    format!("user-{number:06}")
}

/// The value of a record, encoded.
pub(crate) fn value(record: u64) -> Vec<u8> {
    Click {
        page: format!("/pages/{record:010}"),
        padding: vec![b'.'; PADDING_BYTES],
    }
    .encode_to_vec()
}

/// The finalizer of SplitMix64: turns a counter into numbers without a pattern.
pub(crate) fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_the_size_that_is_stated() {
        for record in [0, 1, 9_999_999_999] {
            assert_eq!(value(record).len(), VALUE_BYTES);
        }
    }

    #[test]
    fn keys_are_found_again() {
        let workload = Workload {
            records: 10,
            keys: 7,
        };
        for record in 0..workload.records {
            let number = workload.key(record);
            assert_eq!(
                workload.number(key_text(number).as_bytes()),
                Some(number as usize)
            );
        }
        for strange in ["user-000007", "user-x", "000001", ""] {
            assert_eq!(workload.number(strange.as_bytes()), None, "{strange}");
        }
    }
}
