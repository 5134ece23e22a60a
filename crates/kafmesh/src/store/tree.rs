//! One table on disk: a log-structured merge tree, and what its writers agree on.
//!
//! It has no journal. A table is a cache of its topic, and what a crash takes from memory is read
//! from the topic again: entries and checkpoints go to disk together, whole batches in their order.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lsm_tree::compaction::Leveled;
use lsm_tree::config::{
    BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry, PartitioningPolicy,
};
use lsm_tree::{
    AbstractTree as _, AnyTree, Cache, CompressionType, Config, DescriptorTable,
    SequenceNumberCounter, Slice,
};

/// A key and its value; `None` deletes it.
pub(super) type Change = (Slice, Option<Slice>);

pub(super) struct Tree {
    pub(super) name: String,
    tree: AnyTree,
    next: SequenceNumberCounter,
    /// What a reader of now sees is older than this.
    visible: SequenceNumberCounter,
    /// Bytes in the memtable that is written to.
    buffered: AtomicU64,
    /// Whoever applies a batch, seals a memtable or looks at everything does so alone: no memtable
    /// ends and no reader begins in the middle of a batch.
    writing: Mutex<()>,
}

impl Tree {
    pub(super) fn open(
        name: &str,
        path: PathBuf,
        cache: Arc<Cache>,
        files: Arc<DescriptorTable>,
    ) -> lsm_tree::Result<Self> {
        let next = SequenceNumberCounter::default();
        let visible = SequenceNumberCounter::default();
        let bloom = FilterPolicyEntry::Bloom;
        let tree = Config::new(path, next.clone(), visible.clone())
            .use_cache(cache)
            .use_descriptor_table(Some(files))
            // As the authors' own database has them: a key that is looked for in vain in each of the
            // newest files costs most, and what is written for good is worth compressing.
            .filter_policy(FilterPolicy::new([
                bloom(BloomConstructionPolicy::FalsePositiveRate(0.0001)),
                bloom(BloomConstructionPolicy::BitsPerKey(10.0)),
            ]))
            // In one piece, they are as large as a file has keys: too large for the cache, and read again
            // for each key. With 5 million entries that takes over 100 µs per key instead of 13. In the
            // newest level they are small and stay in memory.
            .filter_block_partitioning_policy(PartitioningPolicy::new([false, true]))
            .index_block_partitioning_policy(PartitioningPolicy::new([false, true]))
            .data_block_compression_policy(CompressionPolicy::new([
                CompressionType::None,
                CompressionType::None,
                CompressionType::Lz4,
            ]))
            .open()?;
        if let Some(newest) = tree.get_highest_persisted_seqno() {
            next.set(newest + 1);
            visible.set(newest + 1);
        }
        Ok(Self {
            name: name.to_owned(),
            tree,
            next,
            visible,
            buffered: AtomicU64::new(0),
            writing: Mutex::default(),
        })
    }

    pub(super) fn get(&self, key: &[u8]) -> lsm_tree::Result<Option<Slice>> {
        self.tree.get(key, lsm_tree::SeqNo::MAX)
    }

    /// Everything under `prefix` in key order, as it is now.
    pub(super) fn scan(
        &self,
        prefix: &[u8],
    ) -> impl Iterator<Item = lsm_tree::Result<(Slice, Slice)>> + Send + use<> {
        let _alone = self.alone();
        let entries = self.tree.prefix(prefix, self.visible.get(), None);
        entries.map(lsm_tree::Guard::into_inner)
    }

    pub(super) fn is_empty(&self) -> lsm_tree::Result<bool> {
        self.tree.is_empty(lsm_tree::SeqNo::MAX, None)
    }

    /// Applies changes together; returns by how many bytes memory grew.
    pub(super) fn apply(&self, changes: Vec<Change>) -> u64 {
        let _alone = self.alone();
        let number = self.next.next();
        let mut grown = 0;
        for (key, value) in changes {
            grown += match value {
                Some(value) => self.tree.insert(key, value, number).0,
                None => self.tree.remove(key, number).0,
            };
        }
        self.visible.fetch_max(number + 1);
        self.buffered.fetch_add(grown, Ordering::Relaxed);
        grown
    }

    /// Writes changes, which are sorted by key and have each key once, to files of their own, which
    /// become part of the table together.
    pub(super) fn ingest<'a>(
        &self,
        changes: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> lsm_tree::Result<()> {
        let mut ingestion = self.tree.ingestion()?;
        for (key, value) in changes {
            match value {
                Some(value) => ingestion.write(key, value)?,
                None => ingestion.write_tombstone(key)?,
            }
        }
        // It seals and writes the memtable first, which has older changes.
        let _alone = self.alone();
        self.buffered.store(0, Ordering::Relaxed);
        ingestion.finish()
    }

    pub(super) fn clear(&self) -> lsm_tree::Result<()> {
        let _alone = self.alone();
        self.buffered.store(0, Ordering::Relaxed);
        self.tree.clear()
    }

    /// Bytes in the memtable that is written to.
    pub(super) fn buffered(&self) -> u64 {
        self.buffered.load(Ordering::Relaxed)
    }

    /// Begins a new memtable; the old one waits for [`flush`](Self::flush). Returns its bytes.
    pub(super) fn seal(&self) -> u64 {
        let _alone = self.alone();
        self.tree.rotate_memtable();
        self.buffered.swap(0, Ordering::Relaxed)
    }

    /// Memtables that wait.
    pub(super) fn sealed(&self) -> usize {
        self.tree.sealed_memtable_count()
    }

    /// Runs of files that compaction has not ordered yet; a reader looks into each.
    pub(super) fn unordered(&self) -> usize {
        self.tree.l0_run_count()
    }

    /// Writes the memtables that wait to disk.
    pub(super) fn flush(&self) -> lsm_tree::Result<()> {
        let lock = self.tree.get_flush_lock();
        self.tree.flush(&lock, self.oldest_reader())?;
        Ok(())
    }

    /// Orders files, one step; returns whether there was anything to do.
    pub(super) fn compact(&self) -> lsm_tree::Result<bool> {
        let before = self.tree.current_version().id();
        self.tree
            .compact(Arc::new(Leveled::default()), self.oldest_reader())?;
        Ok(self.tree.current_version().id() != before)
    }

    /// Bytes on disk.
    pub(super) fn disk_space(&self) -> u64 {
        self.tree.disk_space()
    }

    /// What is older may be dropped where something newer has replaced it. A reader that has begun
    /// keeps the files it began with; so only one that is about to must be waited for.
    fn oldest_reader(&self) -> lsm_tree::SeqNo {
        let _alone = self.alone();
        self.visible.get()
    }

    /// There is nothing behind the lock that a panic could leave half done: batches are in memory only.
    fn alone(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
