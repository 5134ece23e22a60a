//! The write-back cache of one partition's state: decoded values, so that a hot key is neither
//! read from the store nor decoded nor encoded per record.
//!
//! An entry is *clean* (equal to the store) or *dirty* (to be written at the next commit).
//! Only clean entries are evicted, by the CLOCK algorithm; dirty ones wait for the commit, which
//! the task brings forward when [`Cache::is_full_of_changes`].

use std::hash::BuildHasher;

use hashbrown::HashTable;
use smallvec::SmallVec;

/// Where an entry is, until the next insertion, change or commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(u32);

pub(crate) struct Cache<S> {
    index: HashTable<u32>,
    entries: Vec<Entry<S>>,
    dirty: Vec<u32>,
    hand: usize,
    bytes: usize,
    dirty_bytes: usize,
    limit: usize,
    hasher: foldhash::fast::RandomState,
}

/// Keys up to this length lie in the entry itself, where comparing them costs no further cache miss.
/// A UUID as text has 36 bytes.
const SHORT_KEY: usize = 40;

/// Not in the list of dirty entries.
const CLEAN: u32 = u32::MAX;

struct Entry<S> {
    key: SmallVec<[u8; SHORT_KEY]>,
    hash: u64,
    /// `None`: the key is known to have no state.
    value: Option<S>,
    bytes: usize,
    /// Its place in the list of dirty entries, or [`CLEAN`].
    dirty: u32,
    /// Used since the hand passed last.
    referenced: bool,
}

impl<S> Cache<S> {
    /// A cache of about `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            index: HashTable::new(),
            entries: Vec::new(),
            dirty: Vec::new(),
            hand: 0,
            bytes: 0,
            dirty_bytes: 0,
            limit,
            hasher: foldhash::fast::RandomState::default(),
        }
    }

    pub(crate) fn find(&mut self, key: &[u8]) -> Option<Slot> {
        let hash = self.hasher.hash_one(key);
        let index = *self
            .index
            .find(hash, |&index| *self.entries[index as usize].key == *key)?;
        self.entries[index as usize].referenced = true;
        Some(Slot(index))
    }

    /// How many entries there are, and their bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        (self.entries.len(), self.bytes)
    }

    /// Like `find` and `get`, without counting as a use.
    pub(crate) fn peek(&self, key: &[u8]) -> Option<Option<&S>> {
        let hash = self.hasher.hash_one(key);
        let index = *self
            .index
            .find(hash, |&index| *self.entries[index as usize].key == *key)?;
        Some(self.entries[index as usize].value.as_ref())
    }

    pub(crate) fn get(&self, slot: Slot) -> Option<&S> {
        self.entries[slot.0 as usize].value.as_ref()
    }

    /// Adds a key that [`find`](Self::find) did not find, with its value in the store;
    /// `size` is the value's encoded size.
    pub(crate) fn insert_clean(&mut self, key: &[u8], value: Option<S>, size: usize) -> Slot {
        let bytes = Self::weight(key, size);
        self.make_room(bytes);
        let hash = self.hasher.hash_one(key);
        let slot = self.entries.len() as u32;
        self.entries.push(Entry {
            key: key.into(),
            hash,
            value,
            bytes,
            dirty: CLEAN,
            referenced: true,
        });
        let entries = &self.entries;
        self.index
            .insert_unique(hash, slot, |&index| entries[index as usize].hash);
        self.bytes += bytes;
        Slot(slot)
    }

    /// Changes an entry; it is dirty from now on.
    pub(crate) fn set(&mut self, slot: Slot, value: Option<S>, size: usize) {
        let entry = &mut self.entries[slot.0 as usize];
        let bytes = Self::weight(&entry.key, size);
        self.bytes = self.bytes - entry.bytes + bytes;
        if entry.dirty == CLEAN {
            entry.dirty = self.dirty.len() as u32;
            self.dirty.push(slot.0);
        } else {
            self.dirty_bytes -= entry.bytes;
        }
        self.dirty_bytes += bytes;
        entry.bytes = bytes;
        entry.value = value;
        entry.referenced = true;
        self.make_room(0);
    }

    /// Key and value of every dirty entry, in key order: the store inserts neighbours one after the other
    /// in half the time that it takes for keys in random order.
    pub(crate) fn dirty(&self) -> impl Iterator<Item = (&[u8], Option<&S>)> {
        let mut dirty: Vec<_> = self
            .dirty
            .iter()
            .map(|&index| {
                let entry = &self.entries[index as usize];
                (beginning(&entry.key), &*entry.key, entry.value.as_ref())
            })
            .collect();
        // The beginnings lie side by side and mostly differ, so that few comparisons have to follow a pointer.
        dirty.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.cmp(b.1)));
        dirty.into_iter().map(|(_, key, value)| (key, value))
    }

    /// Whether a commit should come soon, since half the cache cannot be evicted.
    pub(crate) fn is_full_of_changes(&self) -> bool {
        self.dirty_bytes > self.limit / 2
    }

    /// Every dirty entry has been written: all are clean.
    pub(crate) fn written(&mut self) {
        for index in self.dirty.drain(..) {
            self.entries[index as usize].dirty = CLEAN;
        }
        self.dirty_bytes = 0;
        self.make_room(0);
    }

    fn weight(key: &[u8], size: usize) -> usize {
        // The index holds a u32 and a control byte per entry, at a load of 7/8 or less.
        let apart = if key.len() > SHORT_KEY { key.len() } else { 0 };
        size_of::<Entry<S>>() + apart + size + 8
    }

    /// Evicts clean entries until `bytes` more fit, or only dirty ones are left.
    fn make_room(&mut self, bytes: usize) {
        // Two rounds: one takes the second chance away, one evicts.
        let mut steps = 2 * self.entries.len();
        while self.bytes + bytes > self.limit && steps > 0 && !self.entries.is_empty() {
            steps -= 1;
            self.hand %= self.entries.len();
            let entry = &mut self.entries[self.hand];
            if entry.dirty != CLEAN {
                self.hand += 1;
            } else if entry.referenced {
                entry.referenced = false;
                self.hand += 1;
            } else {
                self.evict(self.hand);
            }
        }
    }

    fn evict(&mut self, position: usize) {
        let last = self.entries.len() - 1;
        let (hash, moved_hash) = (self.entries[position].hash, self.entries[last].hash);
        if let Ok(found) = self
            .index
            .find_entry(hash, |&index| index as usize == position)
        {
            found.remove();
        }
        if position != last {
            if let Some(index) = self
                .index
                .find_mut(moved_hash, |&index| index as usize == last)
            {
                *index = position as u32;
            }
            let dirty = self.entries[last].dirty;
            if dirty != CLEAN {
                self.dirty[dirty as usize] = position as u32;
            }
        }
        self.bytes -= self.entries.swap_remove(position).bytes;
    }
}

/// The first 16 bytes of a key as a number that is ordered as they are.
fn beginning(key: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    let length = key.len().min(bytes.len());
    bytes[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Against a map: no change is lost by eviction, and the size stays bounded, also when
        /// values grow and no key is new.
        #[test]
        fn behaves_like_a_map_over_a_store(operations in prop::collection::vec((0u8..40, 0u32..1000, 0u8..10), 1..400)) {
            let size = |value: u32| value as usize % 300;
            let limit = 12 * Cache::<u32>::weight(b"k", 100);
            let mut cache = Cache::new(limit);
            let mut store = BTreeMap::<Vec<u8>, u32>::new();
            let mut expected = BTreeMap::<Vec<u8>, u32>::new();
            for (key, value, action) in operations {
                let key = vec![key];
                let slot = cache.find(&key).unwrap_or_else(|| {
                    let stored = store.get(&key).copied();
                    cache.insert_clean(&key, stored, stored.map_or(0, size))
                });
                prop_assert_eq!(cache.get(slot), expected.get(&key));
                match action {
                    0 => {
                        cache.set(slot, None, 0);
                        expected.remove(&key);
                    }
                    1..5 => {
                        cache.set(slot, Some(value), size(value));
                        expected.insert(key, value);
                    }
                    _ => {}
                }
                if cache.is_full_of_changes() {
                    for (key, value) in cache.dirty() {
                        match value {
                            Some(value) => store.insert(key.to_vec(), *value),
                            None => store.remove(key),
                        };
                    }
                    cache.written();
                    prop_assert_eq!(&store, &expected);
                    prop_assert_eq!(cache.dirty().count(), 0);
                }
                prop_assert!(cache.bytes <= limit);
                prop_assert_eq!(cache.bytes, cache.entries.iter().map(|entry| entry.bytes).sum::<usize>());
            }
        }
    }
}
