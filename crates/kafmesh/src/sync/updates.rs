//! What a sync of a view source changes: entries that are new or differ, and at the end the deletes
//! of those that were not named.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use prost::Message;

use crate::error::{Result, key_too_long};
use crate::kafka::{Lane, OutTopic, Outbox, Producer, millis_of, partition_of};
use crate::memory::Log;
use crate::store::{MAX_KEY, Table, Value};

/// After how many entries a walk through the table lets others have its thread.
const YIELD_EVERY: usize = 1000;

/// Takes the entries of the external data set during a sync; see [`update`](Self::update).
pub struct Updates<'a, M> {
    changes: &'a mut Changes,
    message: PhantomData<fn(&M)>,
}

impl<'a, M: Message + Default + PartialEq> Updates<'a, M> {
    pub(super) fn new(changes: &'a mut Changes) -> Self {
        Self {
            changes,
            message: PhantomData,
        }
    }

    /// Names an entry of the external data set. If the topic holds another message under `key`, or
    /// none, `message` is emitted; otherwise nothing is.
    ///
    /// Waits only while the producer has no room. Whether everything has arrived is found out after
    /// the sync; keys that this sync did not name are deleted then. The keys named are kept in memory
    /// until the end of the sync.
    ///
    /// # Errors
    ///
    /// [`Error::NotDelivered`](crate::Error::NotDelivered) when the topic does not take records, and an error when the key is
    /// too long for a local table or the local store cannot be read.
    pub async fn update(&mut self, key: impl AsRef<str>, message: &M) -> Result<()> {
        self.changes.update(key.as_ref().as_bytes(), message).await
    }
}

impl<M> std::fmt::Debug for Updates<'_, M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Updates")
            .field("named", &self.changes.named.len())
            .finish_non_exhaustive()
    }
}

/// Where changes go.
pub(crate) enum Out {
    Kafka {
        producer: Producer,
        lane: Arc<Lane>,
        topic: OutTopic,
    },
    Memory {
        log: Log,
        topic: &'static str,
    },
}

/// How many entries of a sync were what.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reconciled {
    pub(crate) updated: usize,
    pub(crate) unchanged: usize,
    pub(crate) deleted: usize,
}

/// One sync's changes to a topic, found by comparing with the local copy of it.
pub(crate) struct Changes {
    table: Table,
    /// What the topic held when the sync began: what arrives during it was never compared, and is
    /// not deleted.
    before: Box<dyn Iterator<Item = Result<(Vec<u8>, Value)>> + Send>,
    out: Out,
    outbox: Outbox,
    /// Keys the sync named, and whether something was emitted for them: that is not in the table
    /// yet, so a second message for the same key cannot be compared.
    named: HashMap<Box<[u8]>, bool>,
    value: Vec<u8>,
    counts: Reconciled,
}

impl Changes {
    /// `table` holds what the topic does.
    pub(crate) fn new(table: Table, out: Out) -> Self {
        Self {
            before: table.iter(),
            table,
            out,
            outbox: Outbox::default(),
            named: HashMap::new(),
            value: Vec::new(),
            counts: Reconciled::default(),
        }
    }

    pub(crate) fn counts(&self) -> Reconciled {
        self.counts
    }

    async fn update<M: Message + Default + PartialEq>(
        &mut self,
        key: &[u8],
        message: &M,
    ) -> Result<()> {
        if key.len() > MAX_KEY {
            return Err(key_too_long(key));
        }
        self.value.clear();
        message.encode_raw(&mut self.value);
        let emitted = self.named.get(key).copied().unwrap_or(false);
        let held = if emitted {
            Ok(false)
        } else {
            self.holds(key, message)
        };
        // First of all it was named: what cannot be compared must not be deleted.
        self.named.insert(key.into(), !matches!(held, Ok(true)));
        if held? {
            self.counts.unchanged += 1;
            return Ok(());
        }
        self.counts.updated += 1;
        self.emit(key, true).await
    }

    /// Whether the topic holds `message`, whose bytes are in `value`, under `key`. Equal bytes are
    /// equal messages, but not the other way round: a map's entries may be in any order.
    fn holds<M: Message + Default + PartialEq>(&self, key: &[u8], message: &M) -> Result<bool> {
        let Some(held) = self.table.get(key)? else {
            return Ok(false);
        };
        let held = held.as_ref();
        Ok(held == self.value || M::decode(held).is_ok_and(|held| held == *message))
    }

    /// Deletes what the topic held when the sync began and the sync did not name.
    pub(crate) async fn delete_unnamed(&mut self) -> Result<()> {
        let mut walked = 0_usize;
        while let Some(entry) = self.before.next() {
            let (key, _) = entry?;
            if !self.named.contains_key(&*key) {
                self.counts.deleted += 1;
                self.emit(&key, false).await?;
            }
            walked += 1;
            if walked.is_multiple_of(YIELD_EVERY) {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// Resolves when nothing emitted so far is under way any more.
    ///
    /// # Errors
    /// [`Error::NotDelivered`](crate::Error::NotDelivered) when something of it has not arrived.
    pub(crate) async fn acknowledged(&mut self) -> Result<()> {
        match &self.out {
            Out::Kafka { lane, .. } => {
                lane.settled().await;
                lane.drained().await
            }
            Out::Memory { .. } => Ok(()),
        }
    }

    /// Emits the message in `value`, or a delete.
    async fn emit(&mut self, key: &[u8], message: bool) -> Result<()> {
        let (topic, now) = match &self.out {
            Out::Kafka { topic, .. } => (*topic, std::time::SystemTime::now()),
            Out::Memory { log, .. } => (
                OutTopic {
                    index: 0,
                    partitions: 1,
                },
                log.now(),
            ),
        };
        let value = &self.value;
        let write = message.then_some(|buffer: &mut Vec<u8>| buffer.extend_from_slice(value));
        let partition = partition_of(key, topic.partitions);
        self.outbox
            .append(topic, partition, millis_of(now), key, write);
        match &self.out {
            Out::Kafka { producer, lane, .. } => producer.send_all(lane, &mut self.outbox).await,
            Out::Memory { log, topic } => {
                let records = self.outbox.records().map(|record| record.to_owned());
                let appended = log.append(topic, records);
                self.outbox.clear();
                appended
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_arrives_during_a_sync_is_not_deleted() {
        let (table, log) = (Table::in_memory(), Log::new());
        let arrives = |key: &[u8]| {
            let mut batch = table.batch();
            batch.put(key, Some(&[8, 1])).unwrap();
            batch.commit().unwrap();
        };
        arrives(b"before");
        let out = Out::Memory {
            log: log.clone(),
            topic: "s.a.b",
        };
        let mut changes = Changes::new(table.clone(), out);
        arrives(b"meanwhile");
        changes.delete_unnamed().await.unwrap();
        let deleted = log.read("s.a.b", 0).into_iter().map(|record| record.key);
        assert_eq!(deleted.collect::<Vec<_>>(), [Some(b"before".to_vec())]);
    }
}
