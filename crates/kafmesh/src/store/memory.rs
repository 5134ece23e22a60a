//! Tables in memory, for tests without a broker.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{CheckpointOf, Value};
use crate::error::Result;
use crate::kafka::TopicId;

#[derive(Default)]
pub(crate) struct MemoryTable(Mutex<Contents>);

#[derive(Default)]
struct Contents {
    entries: BTreeMap<Vec<u8>, Arc<[u8]>>,
    checkpoints: BTreeMap<(String, i32), i64>,
    topic_ids: BTreeMap<String, TopicId>,
}

/// A key and its value; `None` deletes it.
type Change = (Vec<u8>, Option<Arc<[u8]>>);

pub(crate) struct MemoryBatch {
    table: Arc<MemoryTable>,
    entries: Vec<Change>,
    checkpoints: Vec<((String, i32), i64)>,
    topic_ids: Vec<(String, TopicId)>,
}

impl MemoryTable {
    pub(crate) fn get(&self, key: &[u8]) -> Option<Arc<[u8]>> {
        self.contents().entries.get(key).cloned()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Result<(Vec<u8>, Value)>> + use<> {
        self.contents()
            .entries
            .clone()
            .into_iter()
            .map(|(key, value)| Ok((key, Value::Memory(value))))
    }

    pub(crate) fn checkpoint(&self, of: CheckpointOf<'_>) -> Option<i64> {
        self.contents()
            .checkpoints
            .get(&(of.topic.to_owned(), of.partition))
            .copied()
    }

    pub(crate) fn topic_id(&self, topic: &str) -> Option<TopicId> {
        self.contents().topic_ids.get(topic).copied()
    }

    pub(crate) fn clear(&self) {
        *self.contents() = Contents::default();
    }

    /// A panic while the lock is held cannot leave half a batch: changes are moved in, not computed.
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryBatch {
    pub(crate) fn new(table: Arc<MemoryTable>) -> Self {
        Self {
            table,
            entries: Vec::new(),
            checkpoints: Vec::new(),
            topic_ids: Vec::new(),
        }
    }

    pub(crate) fn put(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.entries.push((key.to_vec(), value.map(Arc::from)));
    }

    pub(crate) fn checkpoint(&mut self, of: CheckpointOf<'_>, offset: i64) {
        self.checkpoints
            .push(((of.topic.to_owned(), of.partition), offset));
    }

    pub(crate) fn topic_id(&mut self, topic: &str, id: TopicId) {
        self.topic_ids.push((topic.to_owned(), id));
    }

    pub(crate) fn commit(self) {
        let mut contents = self.table.contents();
        for (key, value) in self.entries {
            match value {
                Some(value) => contents.entries.insert(key, value),
                None => contents.entries.remove(&key),
            };
        }
        contents.checkpoints.extend(self.checkpoints);
        contents.topic_ids.extend(self.topic_ids);
    }
}
