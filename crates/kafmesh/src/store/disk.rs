//! Tables on disk: one fjall database per process, one keyspace per table.

use std::path::Path;
use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, UserValue};

use super::{CheckpointOf, Table, Value};
use crate::error::{Error, Result};
use crate::kafka::TopicId;

/// Entries and checkpoints share a keyspace and so a batch; the first byte tells them apart
/// (and lets an entry have an empty key, which fjall does not).
const CHECKPOINT: u8 = 0;
const ENTRY: u8 = 1;

/// Longest key fjall takes, less the byte in front.
pub(crate) const MAX_KEY: usize = u16::MAX as usize - 1;

/// Memory the whole database may use for blocks it has read.
const BLOCK_CACHE_BYTES: u64 = 32 << 20;
/// Memory per table for writes that are not in a sorted file yet.
const MEMTABLE_BYTES: u64 = 8 << 20;

/// The database of one process.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
    path: Arc<Path>,
}

/// A keyspace of the database.
#[derive(Clone)]
pub(crate) struct DiskTable {
    keyspace: Keyspace,
    store: Store,
}

pub(crate) struct DiskBatch {
    batch: OwnedWriteBatch,
    table: DiskTable,
}

impl Store {
    /// Opens the database in `path`, creating it when there is none.
    ///
    /// # Errors
    ///
    /// When another process has it open, or the directory cannot be used.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let database = Database::builder(path)
            .cache_size(BLOCK_CACHE_BYTES)
            .open()
            .map_err(|error| match error {
                fjall::Error::Locked => failed(
                    path,
                    "opening it",
                    "another process has it open; give each process its own KAFMESH_STATE_DIR",
                ),
                other => failed(path, "opening it", other),
            })?;
        Ok(Self {
            database,
            path: Arc::from(path),
        })
    }

    /// The table called `name`, created when there is none.
    pub(crate) fn table(&self, name: &str) -> Result<Table> {
        let keyspace = self
            .database
            .keyspace(name, || {
                KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES)
            })
            .map_err(|error| failed(&self.path, &format!("opening table {name}"), error))?;
        Ok(Table::Disk(DiskTable {
            keyspace,
            store: self.clone(),
        }))
    }
}

impl DiskTable {
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<UserValue>> {
        with_entry_key(key, |key| self.keyspace.get(key))
            .map_err(|error| self.failed("reading", error))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Result<(Vec<u8>, Value)>> + use<> {
        let table = self.clone();
        self.keyspace.prefix([ENTRY]).map(move |guard| {
            let (key, value) = guard
                .into_inner()
                .map_err(|error| table.failed("reading", error))?;
            Ok((key[1..].to_vec(), Value::Disk(value)))
        })
    }

    pub(crate) fn checkpoint(&self, of: CheckpointOf<'_>) -> Result<Option<i64>> {
        let value = self
            .keyspace
            .get(checkpoint_key(of))
            .map_err(|error| self.failed("reading", error))?;
        // A checkpoint of another length was not written here; without one the table is rebuilt.
        Ok(value.and_then(|value| Some(i64::from_le_bytes(value.as_ref().try_into().ok()?))))
    }

    pub(crate) fn topic_id(&self, topic: &str) -> Result<Option<TopicId>> {
        let value = self
            .keyspace
            .get(topic_key(topic))
            .map_err(|error| self.failed("reading", error))?;
        Ok(value.and_then(|value| Some(TopicId(value.as_ref().try_into().ok()?))))
    }

    pub(crate) fn disk_space(&self) -> u64 {
        self.keyspace.disk_space()
    }

    pub(crate) fn batch(&self) -> DiskBatch {
        DiskBatch {
            batch: self.store.database.batch(),
            table: self.clone(),
        }
    }

    pub(crate) fn clear(&self) -> Result<()> {
        // Clearing writes files, which a new table need not pay for.
        if self
            .keyspace
            .is_empty()
            .map_err(|error| self.failed("reading", error))?
        {
            return Ok(());
        }
        self.keyspace
            .clear()
            .map_err(|error| self.failed("removing everything", error))
    }

    pub(super) fn failed(&self, action: &str, reason: impl ToString) -> Error {
        failed(
            &self.store.path,
            &format!("{action} in table {}", &**self.keyspace.name()),
            reason,
        )
    }
}

impl DiskBatch {
    pub(crate) fn put(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        if key.len() > MAX_KEY {
            return Err(self.table.failed(
                "writing",
                format!(
                    "a key has {} bytes; the longest that can be stored has {MAX_KEY}",
                    key.len()
                ),
            ));
        }
        let keyspace = &self.table.keyspace;
        with_entry_key(key, |key| match value {
            Some(value) => self.batch.insert(keyspace, key, value),
            None => self.batch.remove(keyspace, key),
        });
        Ok(())
    }

    pub(crate) fn checkpoint(&mut self, of: CheckpointOf<'_>, offset: i64) {
        self.batch.insert(
            &self.table.keyspace,
            checkpoint_key(of),
            offset.to_le_bytes(),
        );
    }

    pub(crate) fn topic_id(&mut self, topic: &str, id: TopicId) {
        self.batch
            .insert(&self.table.keyspace, topic_key(topic), id.0);
    }

    pub(crate) fn commit(self) -> Result<()> {
        self.batch
            .commit()
            .map_err(|error| self.table.failed("committing", error))
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

fn checkpoint_key(of: CheckpointOf<'_>) -> Vec<u8> {
    [&*topic_key(of.topic), &of.partition.to_be_bytes()].concat()
}

/// Where a topic's id is; its checkpoints follow. No topic's name has a zero byte.
fn topic_key(topic: &str) -> Vec<u8> {
    [&[CHECKPOINT], topic.as_bytes(), &[CHECKPOINT]].concat()
}

fn failed(path: &Path, action: &str, reason: impl ToString) -> Error {
    Error::Store {
        path: path.display().to_string(),
        action: action.to_owned(),
        reason: reason.to_string(),
    }
}
