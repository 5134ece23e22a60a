//! One table on disk: a log-structured merge tree, and what its writers agree on.
//!
//! It has no journal. A table is a cache of its topic, and what a crash takes from memory is read
//! from the topic again: entries and checkpoints go to disk together, whole batches in their order.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lsm_tree::compaction::Leveled;
use lsm_tree::config::{
    BloomConstructionPolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry, PartitioningPolicy,
};
use lsm_tree::{
    AbstractTree as _, AnyTree, Cache, CompressionType, Config, DescriptorTable,
    SequenceNumberCounter, Slice,
};
use tokio::sync::RwLock;

/// A key and its value; `None` deletes it.
pub(super) type Change = (Slice, Option<Slice>);

/// A file in a table's directory that says that its other files are damaged.
const DAMAGED: &str = "damaged";

pub(super) struct Tree {
    pub(super) name: String,
    path: PathBuf,
    tree: AnyTree,
    next: SequenceNumberCounter,
    /// What a reader of now sees is older than this.
    visible: SequenceNumberCounter,
    /// Bytes in the memtable that is written to.
    buffered: AtomicU64,
    /// Bytes in the memtables that wait for the disk.
    sealed_bytes: AtomicU64,
    /// Whether `writing` is held by an ingestion, which waits for the disk.
    finishing: AtomicBool,
    /// Whoever writes in bulk shares it, until the write has ended.
    pub(super) loading: Arc<RwLock<()>>,
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
        let tree = Config::new(&path, next.clone(), visible.clone())
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
            path,
            tree,
            next,
            visible,
            buffered: AtomicU64::new(0),
            sealed_bytes: AtomicU64::new(0),
            finishing: AtomicBool::new(false),
            loading: Arc::default(),
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
        self.finishing.store(true, Ordering::Relaxed);
        let finished = ingestion.finish();
        self.finishing.store(false, Ordering::Relaxed);
        finished?;
        self.forget_buffered();
        Ok(())
    }

    pub(super) fn clear(&self) -> lsm_tree::Result<()> {
        let _alone = self.alone();
        self.forget_buffered();
        self.tree.clear()
    }

    /// Bytes in the memtable that is written to.
    pub(super) fn buffered(&self) -> u64 {
        self.buffered.load(Ordering::Relaxed)
    }

    /// Bytes in the memtables that wait.
    pub(super) fn sealed_bytes(&self) -> u64 {
        self.sealed_bytes.load(Ordering::Relaxed)
    }

    /// Whether a batch would have to wait for a bulk write.
    pub(super) fn is_finishing(&self) -> bool {
        self.finishing.load(Ordering::Relaxed)
    }

    /// Begins a new memtable; the old one waits for [`flush`](Self::flush).
    pub(super) fn seal(&self) {
        let _alone = self.alone();
        self.tree.rotate_memtable();
        let sealed = self.buffered.swap(0, Ordering::Relaxed);
        self.sealed_bytes.fetch_add(sealed, Ordering::Relaxed);
    }

    /// Nothing is in memory any more.
    fn forget_buffered(&self) {
        self.buffered.store(0, Ordering::Relaxed);
        self.sealed_bytes.store(0, Ordering::Relaxed);
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
        // Before the lock, which an ingestion takes while it keeps readers from beginning.
        let oldest = self.oldest_reader();
        let lock = self.tree.get_flush_lock();
        let flushed = self.tree.flush(&lock, oldest)?.unwrap_or(0);
        // Less when the table was cleared meanwhile.
        let less = |sealed: u64| Some(sealed.saturating_sub(flushed));
        let _ = self
            .sealed_bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        Ok(())
    }

    /// Keeps memtables from being written while the guard lives.
    #[cfg(test)]
    pub(super) fn hold_flushes(&self) -> MutexGuard<'_, ()> {
        self.tree.get_flush_lock()
    }

    /// Orders files, one step; returns whether there was anything to do.
    pub(super) fn compact(&self) -> lsm_tree::Result<bool> {
        let before = self.tree.current_version().id();
        self.tree
            .compact(Arc::new(Leveled::default()), self.oldest_reader())?;
        Ok(self.tree.current_version().id() != before)
    }

    /// What to tell of an error. Damage is noted, so that the next process builds the table anew.
    pub(super) fn explain(&self, error: &lsm_tree::Error) -> String {
        if !is_damage(error) {
            return format!("{error}; a restart goes on from what is on disk");
        }
        match File::create(self.path.join(DAMAGED)) {
            Ok(_) => {
                format!("{error}: its files are damaged; a restart builds it anew from its topic")
            }
            Err(unwritten) => format!(
                "{error}: its files are damaged, and noting that failed ({unwritten}); delete {} before a restart",
                self.path.display()
            ),
        }
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

/// Whether the files of the table in `path` were found to be damaged when they were used.
pub(super) fn is_known_damaged(path: &Path) -> bool {
    path.join(DAMAGED).exists()
}

/// Whether files are missing or wrong, rather than the disk or the system to blame.
pub(super) fn is_damage(error: &lsm_tree::Error) -> bool {
    use std::io::ErrorKind::{InvalidData, NotFound, UnexpectedEof};
    match error {
        lsm_tree::Error::Io(error) => {
            matches!(error.kind(), InvalidData | NotFound | UnexpectedEof)
        }
        _ => true,
    }
}
