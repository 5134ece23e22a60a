//! Topics in memory, and typed looks at them.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use prost::Message;

use crate::error::{Error, Position, Result, message_name};
use crate::kafka::{OwnedRecord, time_of};
use crate::store::Table;

/// Where virtual time starts: 2000-01-01T00:00:00Z.
const START_SECONDS: u64 = 946_684_800;

/// A record as a test sees it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Captured<M> {
    /// The key.
    pub key: String,
    /// The message; `None` is a delete.
    pub value: Option<M>,
    /// The record's timestamp.
    pub timestamp: SystemTime,
    /// The record's headers.
    pub headers: Vec<(String, Vec<u8>)>,
}

impl<M: Message + Default> Captured<M> {
    pub(crate) fn decode(topic: &str, record: &OwnedRecord) -> Result<Self> {
        let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()).into_owned();
        let value = record
            .value
            .as_deref()
            .map(M::decode)
            .transpose()
            .map_err(|error| Error::Decode {
                at: Position {
                    topic: topic.to_owned(),
                    partition: 0,
                    offset: record.offset,
                    key: Some(key.clone()),
                },
                reason: format!("its value is not a {}: {error}", message_name::<M>()),
            })?;
        Ok(Self {
            key,
            value,
            timestamp: time_of(record.timestamp),
            headers: record.headers.clone(),
        })
    }
}

/// Topics of one partition each, and the time; clones share them.
#[derive(Clone)]
pub(crate) struct Log(Arc<Mutex<Topics>>);

struct Topics {
    topics: BTreeMap<String, Vec<OwnedRecord>>,
    now: SystemTime,
    failure: Option<String>,
}

impl Log {
    pub(crate) fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(START_SECONDS);
        Self(Arc::new(Mutex::new(Topics {
            topics: BTreeMap::new(),
            now,
            failure: None,
        })))
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.lock().now
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.lock().now += by;
    }

    pub(crate) fn append(
        &self,
        topic: &str,
        records: impl IntoIterator<Item = OwnedRecord>,
    ) -> Result<()> {
        let mut contents = self.lock();
        if let Some(reason) = contents.failure.clone() {
            return Err(Error::NotDelivered {
                topic: topic.to_owned(),
                reason,
            });
        }
        let log = contents.topics.entry(topic.to_owned()).or_default();
        for mut record in records {
            record.offset = log.len() as i64;
            log.push(record);
        }
        Ok(())
    }

    /// The records of `topic` from offset `from` on.
    pub(crate) fn read(&self, topic: &str, from: usize) -> Vec<OwnedRecord> {
        self.lock()
            .topics
            .get(topic)
            .and_then(|log| log.get(from..))
            .unwrap_or_default()
            .to_vec()
    }

    fn lock(&self) -> MutexGuard<'_, Topics> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an in-memory [`Source`](crate::Source) emitted.
#[derive(Clone)]
pub struct Emitted<M> {
    log: Log,
    topic: &'static str,
    message: PhantomData<fn() -> M>,
}

impl<M> Emitted<M> {
    pub(crate) fn new(log: Log, topic: &'static str) -> Self {
        Self {
            log,
            topic,
            message: PhantomData,
        }
    }
}

impl<M: Message + Default> Emitted<M> {
    /// Every record so far, in order.
    ///
    /// # Errors
    ///
    /// When a record is not an `M`, which the source's type rules out.
    pub fn records(&self) -> Result<Vec<Captured<M>>> {
        self.log
            .read(self.topic, 0)
            .iter()
            .map(|record| Captured::decode(self.topic, record))
            .collect()
    }

    /// Lets every further emit fail with `reason`; `None` lets them succeed again.
    pub fn fail(&self, reason: Option<&str>) {
        self.log.lock().failure = reason.map(str::to_owned);
    }
}

impl<M> std::fmt::Debug for Emitted<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emitted").finish_non_exhaustive()
    }
}

/// What an in-memory [`View`](crate::View) shows, for a test to change.
#[derive(Clone)]
pub struct Contents<M> {
    table: Table,
    message: PhantomData<fn(&M)>,
}

impl<M: Message> Contents<M> {
    pub(crate) fn new(table: Table) -> Self {
        Self {
            table,
            message: PhantomData,
        }
    }

    /// Sets `key` to `message`.
    pub fn set(&self, key: impl AsRef<str>, message: &M) {
        self.put(key.as_ref(), Some(&message.encode_to_vec()));
    }

    /// Removes `key`.
    pub fn remove(&self, key: impl AsRef<str>) {
        self.put(key.as_ref(), None);
    }

    #[expect(clippy::expect_used, reason = "a table in memory has no way to fail")]
    fn put(&self, key: &str, value: Option<&[u8]>) {
        let mut batch = self.table.batch();
        batch
            .put(key.as_bytes(), value)
            .and_then(|()| batch.commit())
            .expect("a table in memory cannot fail");
    }
}

impl<M> std::fmt::Debug for Contents<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contents").finish_non_exhaustive()
    }
}
