//! Tables on disk: a directory that one process has open, with a tree per table.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lsm_tree::{Cache, DescriptorTable, Slice};
use tokio::sync::{OwnedRwLockReadGuard, OwnedSemaphorePermit, Semaphore};

use super::tree::{Change, Tree, is_damage, is_known_damaged};
use super::upkeep::{PAUSE, Upkeep};
use super::{CheckpointOf, Load, Table, Value};
use crate::error::{Error, Result};
use crate::kafka::TopicId;

/// Entries and checkpoints share a tree and so a batch; the first byte tells them apart
/// (and lets an entry have an empty key, which a tree does not).
const CHECKPOINT: u8 = 0;
pub(super) const ENTRY: u8 = 1;

/// Longest key a tree takes, less the byte in front.
pub(crate) const MAX_KEY: usize = u16::MAX as usize - 1;

/// Memory of all tables for blocks that were read.
const BLOCK_CACHE_BYTES: u64 = 32 << 20;
/// Memory per table for what is not on disk yet. A crash has that much to read again from the topic.
const MEMTABLE_BYTES: u64 = 8 << 20;
/// The same of all tables together, however many there are; whoever writes more waits for the disk.
const WRITE_BUFFER_BYTES: u64 = 64 << 20;
/// As much of it is written to; the rest is for what waits for the disk.
const ACTIVE_BYTES: u64 = WRITE_BUFFER_BYTES / 4 * 3;
/// How much a table grows until all of them are looked at.
const LOOK_UP_BYTES: u64 = 64 << 10;
/// Files that are kept open, well below the usual limit of 1024 per process.
const OPEN_FILES: usize = 512;
/// Partitions that are read in bulk at a time, each of which needs some megabytes for it.
const LOADS: usize = 8;

/// The tables of one process. Clones are the same; with the last one and its tables it is closed.
#[derive(Clone)]
pub(crate) struct Store(Arc<Inner>);

struct Inner {
    path: Arc<Path>,
    cache: Arc<Cache>,
    files: Arc<DescriptorTable>,
    trees: Arc<Trees>,
    /// Whether all tables together had too much in memory when they were looked at last.
    full: AtomicBool,
    loads: Arc<Semaphore>,
    upkeep: Upkeep,
    _lock: Arc<File>,
}

/// The trees that are open, by the names of their tables.
#[derive(Default)]
struct Trees(Mutex<HashMap<String, Arc<Tree>>>);

/// A table of the store. After its last clone it is closed, once what it holds is on disk.
#[derive(Clone)]
pub(crate) struct DiskTable(Arc<Open>);

/// The tree goes first: whoever closes it looks whether somebody else has it.
struct Open {
    tree: Arc<Tree>,
    end: End,
}

/// Lets a table be closed that nobody has any more.
struct End {
    tree: Weak<Tree>,
    store: Store,
}

pub(crate) struct DiskBatch {
    changes: Vec<Change>,
    table: DiskTable,
}

impl Store {
    /// Opens the store in `path`, creating it when there is none.
    ///
    /// # Errors
    ///
    /// When another process has it open, or the directory cannot be used.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let cannot_open = |error| failed(path, "opening it", error);
        std::fs::create_dir_all(path).map_err(cannot_open)?;
        let lock = File::create(path.join("lock")).map_err(cannot_open)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => failed(
                path,
                "opening it",
                "another process has it open; give each process its own KAFMESH_STATE_DIR",
            ),
            TryLockError::Error(error) => cannot_open(error),
        })?;
        let (path, lock) = (Arc::from(path), Arc::new(lock));
        let trees = Arc::<Trees>::default();
        let open = Arc::clone(&trees);
        Ok(Self(Arc::new(Inner {
            upkeep: Upkeep::start(&path, &lock, move |tree| open.close_unused(tree))?,
            path,
            cache: Arc::new(Cache::with_capacity_bytes(BLOCK_CACHE_BYTES)),
            files: Arc::new(DescriptorTable::new(OPEN_FILES)),
            trees,
            full: AtomicBool::new(false),
            loads: Arc::new(Semaphore::new(LOADS)),
            _lock: lock,
        })))
    }

    /// The table called `name`, created when there is none.
    pub(crate) fn table(&self, name: &str) -> Result<Table> {
        let mut trees = self.0.trees.lock();
        let tree = match trees.get(name) {
            Some(tree) => Arc::clone(tree),
            None => {
                let tree = Arc::new(self.0.tree(name)?);
                if tree.unordered() > 0 {
                    self.0.upkeep.order(Arc::clone(&tree));
                }
                trees.insert(name.to_owned(), Arc::clone(&tree));
                tree
            }
        };
        let end = End {
            tree: Arc::downgrade(&tree),
            store: self.clone(),
        };
        Ok(Table::Disk(DiskTable(Arc::new(Open { tree, end }))))
    }

    /// Writes everything that is in memory to disk, so that a restart need not read it again, and
    /// waits for bulk writes that nobody waits for any more.
    pub(crate) fn flush(&self) -> Result<()> {
        self.0.upkeep.check()?;
        let trees: Vec<_> = self.0.trees.lock().values().cloned().collect();
        for tree in trees {
            while tree.loading.try_write().is_err() {
                std::thread::sleep(PAUSE);
            }
            tree.seal();
            tree.flush()
                .map_err(|error| self.failed(&tree, "writing", tree.explain(&error)))?;
        }
        Ok(())
    }

    /// How many tables are open.
    #[cfg(test)]
    pub(super) fn open_tables(&self) -> usize {
        self.0.trees.lock().len()
    }

    fn failed(&self, tree: &Tree, action: &str, reason: impl ToString) -> Error {
        let action = format!("{action} in table {}", tree.name);
        failed(&self.0.path, &action, reason)
    }
}

impl Trees {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Tree>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes a tree that only this and the caller have, unless there is something left to be written.
    ///
    /// Whoever else has it, which includes what waits for the threads, comes here after: two trees
    /// must never work on one directory.
    fn close_unused(&self, tree: Arc<Tree>) {
        let mut trees = self.lock();
        if Arc::strong_count(&tree) == 2 && tree.buffered() == 0 && tree.sealed() == 0 {
            trees.remove(&tree.name);
            // Before somebody can open it again.
            drop(tree);
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // The store itself has it.
        if let Some(tree) = self.tree.upgrade() {
            tree.seal();
            self.store.0.upkeep.flush(tree);
        }
    }
}

impl Inner {
    fn tree(&self, name: &str) -> Result<Tree> {
        let path = self.path.join("tables").join(name);
        let open = || {
            let (cache, files) = (Arc::clone(&self.cache), Arc::clone(&self.files));
            Tree::open(name, path.clone(), cache, files)
        };
        let opened = if is_known_damaged(&path) {
            Err(lsm_tree::Error::Unrecoverable)
        } else {
            open()
        };
        let opened = match opened {
            Err(error) if is_damage(&error) => {
                tracing::warn!(table = name, %error, "the local table is damaged; it is built anew from its topic");
                std::fs::remove_dir_all(&path)
                    .map_err(lsm_tree::Error::Io)
                    .and_then(|()| open())
            }
            opened => opened,
        };
        opened.map_err(|error| failed(&self.path, &format!("opening table {name}"), error))
    }

    /// Looks at what all tables together have in memory, and makes room where the most is.
    fn bound_memory(&self) {
        let trees = self.trees.lock();
        let active: u64 = trees.values().map(|tree| tree.buffered()).sum();
        if active > ACTIVE_BYTES
            && let Some(largest) = trees
                .values()
                .filter(|tree| !tree.is_finishing())
                .max_by_key(|tree| tree.buffered())
        {
            largest.seal();
            self.upkeep.flush(Arc::clone(largest));
        }
        let total: u64 = trees
            .values()
            .map(|tree| tree.buffered() + tree.sealed_bytes())
            .sum();
        self.full
            .store(total > WRITE_BUFFER_BYTES, Ordering::Relaxed);
    }

    /// Whether all tables together have too much in memory.
    fn is_full(&self) -> bool {
        if self.full.load(Ordering::Relaxed) {
            self.bound_memory();
        }
        self.full.load(Ordering::Relaxed)
    }
}

impl DiskTable {
    fn store(&self) -> &Store {
        &self.0.end.store
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Slice>> {
        with_entry_key(key, |key| self.0.tree.get(key))
            .map_err(|error| self.broken("reading", &error))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Result<(Vec<u8>, Value)>> + use<> {
        let table = self.clone();
        self.0.tree.scan(&[ENTRY]).map(move |entry| {
            let (key, value) = entry.map_err(|error| table.broken("reading", &error))?;
            Ok((key[1..].to_vec(), Value::Disk(value)))
        })
    }

    pub(crate) fn checkpoint(&self, of: CheckpointOf<'_>) -> Result<Option<i64>> {
        let value = self
            .0
            .tree
            .get(&checkpoint_key(of))
            .map_err(|error| self.broken("reading", &error))?;
        // A checkpoint of another length was not written here; without one the table is rebuilt.
        Ok(value.and_then(|value| Some(i64::from_le_bytes(value.as_ref().try_into().ok()?))))
    }

    pub(crate) fn topic_id(&self, topic: &str) -> Result<Option<TopicId>> {
        let value = self
            .0
            .tree
            .get(&topic_key(topic))
            .map_err(|error| self.broken("reading", &error))?;
        Ok(value.and_then(|value| Some(TopicId(value.as_ref().try_into().ok()?))))
    }

    pub(crate) fn disk_space(&self) -> u64 {
        self.0.tree.disk_space()
    }

    pub(crate) fn batch(&self) -> DiskBatch {
        DiskBatch {
            changes: Vec::new(),
            table: self.clone(),
        }
    }

    /// Writes changes, which are sorted by key and have each key once, as files.
    pub(super) fn ingest<'a>(
        &self,
        changes: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) -> Result<()> {
        let upkeep = &self.store().0.upkeep;
        upkeep.wait_for_room(&self.0.tree)?;
        self.0
            .tree
            .ingest(changes)
            .map_err(|error| self.broken("writing", &error))?;
        upkeep.order(Arc::clone(&self.0.tree));
        Ok(())
    }

    /// Waits while the disk is behind. What is written without waiting is taken, but grows memory.
    pub(crate) async fn room(&self) -> Result<()> {
        while !self.has_room()? {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    fn has_room(&self) -> Result<bool> {
        let Inner { upkeep, .. } = &*self.store().0;
        Ok(upkeep.keeps_up(&self.0.tree)?
            && !self.0.tree.is_finishing()
            && !self.store().0.is_full())
    }

    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed.
        Arc::clone(&self.store().0.loads).acquire_owned().await.ok()
    }

    pub(crate) async fn loading(&self) -> OwnedRwLockReadGuard<()> {
        Arc::clone(&self.0.tree.loading).read_owned().await
    }

    pub(crate) async fn settled(&self) {
        drop(self.0.tree.loading.write().await);
    }

    #[cfg(test)]
    pub(super) fn flush(&self) -> lsm_tree::Result<()> {
        self.0.tree.flush()
    }

    /// Keeps anything from being written to disk while the guard lives.
    #[cfg(test)]
    pub(crate) fn hold_flushes(&self) -> std::sync::MutexGuard<'_, ()> {
        self.0.tree.hold_flushes()
    }

    /// Writes many changes and where they end.
    pub(crate) fn load(&self, load: &mut Load, of: CheckpointOf<'_>, offset: i64) -> Result<()> {
        load.write(self, of, offset)
    }

    pub(crate) fn clear(&self) -> Result<()> {
        // Clearing writes files, which a new table need not pay for.
        if self
            .0
            .tree
            .is_empty()
            .map_err(|error| self.broken("reading", &error))?
        {
            return Ok(());
        }
        self.0
            .tree
            .clear()
            .map_err(|error| self.broken("removing everything", &error))
    }

    pub(super) fn failed(&self, action: &str, reason: impl ToString) -> Error {
        self.store().failed(&self.0.tree, action, reason)
    }

    fn broken(&self, action: &str, error: &lsm_tree::Error) -> Error {
        self.failed(action, self.0.tree.explain(error))
    }

    pub(super) fn key_too_long(&self, bytes: usize) -> Error {
        self.failed(
            "writing",
            format!("a key has {bytes} bytes; the longest that can be stored has {MAX_KEY}"),
        )
    }
}

impl DiskBatch {
    pub(crate) fn put(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        if key.len() > MAX_KEY {
            return Err(self.table.key_too_long(key.len()));
        }
        let key = with_entry_key(key, |key| Slice::from(key));
        self.changes.push((key, value.map(Slice::from)));
        Ok(())
    }

    pub(crate) fn checkpoint(&mut self, of: CheckpointOf<'_>, offset: i64) {
        let value = Slice::from(offset.to_le_bytes());
        self.changes
            .push((Slice::from(checkpoint_key(of)), Some(value)));
    }

    pub(crate) fn topic_id(&mut self, topic: &str, id: TopicId) {
        self.changes
            .push((Slice::from(topic_key(topic)), Some(Slice::from(id.0))));
    }

    /// Takes the changes, and waits for nothing; before the next ones, there has to be
    /// [room](DiskTable::room).
    pub(crate) fn commit(self) -> Result<()> {
        let (tree, store) = (&self.table.0.tree, self.table.store());
        let upkeep = &store.0.upkeep;
        upkeep.check()?;
        let grown = tree.apply(self.changes);
        let buffered = tree.buffered();
        if buffered > MEMTABLE_BYTES {
            tree.seal();
            upkeep.flush(Arc::clone(tree));
            store.0.bound_memory();
        } else if buffered / LOOK_UP_BYTES != (buffered - grown.min(buffered)) / LOOK_UP_BYTES {
            // Looking at all tables costs little, but not nothing.
            store.0.bound_memory();
        }
        Ok(())
    }
}

/// Calls `use_key` with the stored form of `key`, built on the stack when it is short.
fn with_entry_key<T>(key: &[u8], use_key: impl FnOnce(&[u8]) -> T) -> T {
    let mut short = [ENTRY; 128];
    match short.get_mut(1..=key.len()) {
        Some(space) => {
            space.copy_from_slice(key);
            use_key(&short[..=key.len()])
        }
        None => use_key(&[&[ENTRY], key].concat()),
    }
}

pub(super) fn checkpoint_key(of: CheckpointOf<'_>) -> Vec<u8> {
    [&*topic_key(of.topic), &of.partition.to_be_bytes()].concat()
}

/// Where a topic's id is; its checkpoints follow. No topic's name has a zero byte.
fn topic_key(topic: &str) -> Vec<u8> {
    [&[CHECKPOINT], topic.as_bytes(), &[CHECKPOINT]].concat()
}

pub(super) fn failed(path: &Path, action: &str, reason: impl ToString) -> Error {
    Error::Store {
        path: path.display().to_string(),
        action: action.to_owned(),
        reason: reason.to_string(),
    }
}
