//! Local key/value tables: what a processor's state and a view are kept in.
//!
//! A [`Table`] holds entries and checkpoints (offsets up to which topics are reflected in it).
//! Both change in one atomic [`TableBatch`], so a table and its checkpoints always agree.

mod disk;
mod load;
mod memory;
#[cfg(test)]
mod tests;
mod tree;
mod upkeep;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::kafka::TopicId;

pub(crate) use disk::{MAX_KEY, Store};
pub(crate) use load::Load;

/// The right to load one partition in bulk; few have it at a time.
pub(crate) struct Turn {
    _permit: Option<tokio::sync::OwnedSemaphorePermit>,
}

/// While it lives, the table is not settled.
pub(crate) struct Loading {
    _guard: Option<tokio::sync::OwnedRwLockReadGuard<()>>,
}

/// One table.
#[derive(Clone)]
pub(crate) enum Table {
    Disk(disk::DiskTable),
    Memory(Arc<memory::MemoryTable>),
}

/// Changes that take place together.
pub(crate) enum TableBatch {
    Disk(disk::DiskBatch),
    Memory(memory::MemoryBatch),
}

/// A value read from a table.
pub(crate) enum Value {
    Disk(lsm_tree::Slice),
    Memory(Arc<[u8]>),
}

/// Which topic partition a checkpoint is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CheckpointOf<'a> {
    pub(crate) topic: &'a str,
    pub(crate) partition: i32,
}

impl Table {
    pub(crate) fn in_memory() -> Self {
        Self::Memory(Arc::default())
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Value>> {
        match self {
            Self::Disk(table) => Ok(table.get(key)?.map(Value::Disk)),
            Self::Memory(table) => Ok(table.get(key).map(Value::Memory)),
        }
    }

    /// All entries in key order, as they were when the iteration began.
    pub(crate) fn iter(&self) -> Box<dyn Iterator<Item = Result<(Vec<u8>, Value)>> + Send> {
        match self {
            Self::Disk(table) => Box::new(table.iter()),
            Self::Memory(table) => Box::new(table.iter()),
        }
    }

    /// The next offset to read of a topic partition; `None` when the table knows nothing of it.
    pub(crate) fn checkpoint(&self, of: CheckpointOf<'_>) -> Result<Option<i64>> {
        match self {
            Self::Disk(table) => table.checkpoint(of),
            Self::Memory(table) => Ok(table.checkpoint(of)),
        }
    }

    /// The topic that the checkpoints under this name are of, if that was known when they were made.
    pub(crate) fn topic_id(&self, topic: &str) -> Result<Option<TopicId>> {
        match self {
            Self::Disk(table) => table.topic_id(topic),
            Self::Memory(table) => Ok(table.topic_id(topic)),
        }
    }

    /// Bytes on disk, without what is only in memory yet.
    pub(crate) fn disk_space(&self) -> u64 {
        match self {
            Self::Disk(table) => table.disk_space(),
            Self::Memory(_) => 0,
        }
    }

    /// An error about this table.
    pub(crate) fn failed(&self, action: &str, reason: impl ToString) -> Error {
        match self {
            Self::Disk(table) => table.failed(action, reason),
            Self::Memory(_) => Error::Store {
                path: "(memory)".to_owned(),
                action: action.to_owned(),
                reason: reason.to_string(),
            },
        }
    }

    pub(crate) fn batch(&self) -> TableBatch {
        match self {
            Self::Disk(table) => TableBatch::Disk(table.batch()),
            Self::Memory(table) => TableBatch::Memory(memory::MemoryBatch::new(Arc::clone(table))),
        }
    }

    /// Waits while the disk is behind with what was committed. Whoever commits much waits before it
    /// does, where nothing is lost when the future is dropped.
    pub(crate) async fn room(&self) -> Result<()> {
        match self {
            Self::Disk(table) => table.room().await,
            Self::Memory(_) => Ok(()),
        }
    }

    /// Waits until one more partition may be read in bulk.
    pub(crate) async fn turn(&self) -> Turn {
        let _permit = match self {
            Self::Disk(table) => table.turn().await,
            Self::Memory(_) => None,
        };
        Turn { _permit }
    }

    /// Begins to load in bulk.
    pub(crate) async fn loading(&self) -> Loading {
        let _guard = match self {
            Self::Disk(table) => Some(table.loading().await),
            Self::Memory(_) => None,
        };
        Loading { _guard }
    }

    /// Waits until nobody loads any more.
    pub(crate) async fn settled(&self) {
        if let Self::Disk(table) = self {
            table.settled().await;
        }
    }

    /// Writes many changes and the checkpoint of `of` in one step, and empties `load`. Blocks for as long as that takes.
    pub(crate) fn load(&self, load: &mut Load, of: CheckpointOf<'_>, offset: i64) -> Result<()> {
        match self {
            Self::Disk(table) => table.load(load, of, offset),
            Self::Memory(table) => {
                let mut batch = memory::MemoryBatch::new(Arc::clone(table));
                load.drain(|key, value| batch.put(key, value));
                batch.checkpoint(of, offset);
                batch.commit();
                Ok(())
            }
        }
    }

    /// Removes every entry, checkpoint and topic id.
    pub(crate) fn clear(&self) -> Result<()> {
        match self {
            Self::Disk(table) => table.clear(),
            Self::Memory(table) => {
                table.clear();
                Ok(())
            }
        }
    }
}

impl TableBatch {
    /// Sets `key` to `value`; `None` deletes it.
    pub(crate) fn put(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<()> {
        match self {
            Self::Disk(batch) => batch.put(key, value),
            Self::Memory(batch) => {
                batch.put(key, value);
                Ok(())
            }
        }
    }

    pub(crate) fn checkpoint(&mut self, of: CheckpointOf<'_>, offset: i64) {
        match self {
            Self::Disk(batch) => batch.checkpoint(of, offset),
            Self::Memory(batch) => batch.checkpoint(of, offset),
        }
    }

    /// Says which topic the checkpoints under this name are of.
    pub(crate) fn topic_id(&mut self, topic: &str, id: TopicId) {
        match self {
            Self::Disk(batch) => batch.topic_id(topic, id),
            Self::Memory(batch) => batch.topic_id(topic, id),
        }
    }

    pub(crate) fn commit(self) -> Result<()> {
        match self {
            Self::Disk(batch) => batch.commit(),
            Self::Memory(batch) => {
                batch.commit();
                Ok(())
            }
        }
    }
}

impl AsRef<[u8]> for Value {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Disk(value) => value,
            Self::Memory(value) => value,
        }
    }
}
