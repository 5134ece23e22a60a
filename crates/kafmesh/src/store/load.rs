//! Many changes at once: collected in memory, sorted, and written as files of a table.
//!
//! That costs a third of what batches do, which go through a memtable one key at a time.

use super::CheckpointOf;
use super::disk::{DiskTable, ENTRY, MAX_KEY, checkpoint_key};
use crate::error::Result;

/// A delete's length.
const DELETED: u32 = u32::MAX;

/// Changes of one table, the later of a key replacing the earlier.
#[derive(Default)]
pub(crate) struct Load {
    /// Keys as they are stored, each with its value behind it.
    bytes: Vec<u8>,
    changes: Vec<Change>,
}

#[derive(Clone, Copy)]
struct Change {
    start: usize,
    key: u32,
    value: u32,
}

impl Change {
    /// The key as it is stored, and the value; `None` for a delete.
    fn of(self, bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
        let (key, behind) = bytes[self.start..].split_at(self.key as usize);
        let value = (self.value != DELETED).then(|| &behind[..self.value as usize]);
        (key, value)
    }
}

impl Load {
    /// The memory it needs.
    pub(crate) fn size(&self) -> usize {
        self.bytes.len() + self.changes.len() * size_of::<Change>()
    }

    pub(crate) fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        let start = self.bytes.len();
        self.bytes.push(ENTRY);
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value.unwrap_or_default());
        // Kafka has no records of 4 GB.
        self.changes.push(Change {
            start,
            key: 1 + key.len() as u32,
            value: value.map_or(DELETED, |value| value.len() as u32),
        });
    }

    /// Hands every change to `to`, in the order they came, and forgets them.
    pub(super) fn drain(&mut self, mut to: impl FnMut(&[u8], Option<&[u8]>)) {
        for change in self.changes.drain(..) {
            let (key, value) = change.of(&self.bytes);
            to(&key[1..], value);
        }
        self.bytes.clear();
    }

    /// Writes the changes and where they end, together, and forgets them.
    pub(super) fn write(
        &mut self,
        table: &DiskTable,
        of: CheckpointOf<'_>,
        offset: i64,
    ) -> Result<()> {
        if let Some(long) = self
            .changes
            .iter()
            .find(|change| change.key as usize > MAX_KEY + 1)
        {
            return Err(table.key_too_long(long.key as usize - 1));
        }
        let bytes = &self.bytes;
        let key = |change: &Change| change.of(bytes).0;
        self.changes
            .sort_unstable_by(|a, b| key(a).cmp(key(b)).then(b.start.cmp(&a.start)));
        // The last of each key comes first.
        self.changes.dedup_by(|next, kept| key(next) == key(kept));

        let (name, offset) = (checkpoint_key(of), offset.to_le_bytes());
        let checkpoint = (name.as_slice(), Some(offset.as_slice()));
        let changes = self.changes.iter().map(|change| change.of(bytes));
        // Checkpoints come before all entries.
        table.ingest(std::iter::once(checkpoint).chain(changes))?;
        self.bytes.clear();
        self.changes.clear();
        Ok(())
    }
}
