//! Typed reads of a topic's local table: what views, joins and lookups have in common.

use std::sync::Arc;

use prost::Message;

use crate::error::{Error, Result, message_name};
use crate::store::{Table, Value};

/// The local table of a topic; clones share it.
#[derive(Clone)]
pub(crate) struct Entries {
    topic: Arc<str>,
    table: Table,
}

impl Entries {
    pub(crate) fn new(topic: &str, table: Table) -> Self {
        Self {
            topic: topic.into(),
            table,
        }
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// The message under `key`.
    ///
    /// # Errors
    ///
    /// [`Error::Entry`] when the value is not an `M`, and when the store fails.
    pub(crate) fn get<M: Message + Default>(&self, key: &str) -> Result<Option<M>> {
        self.get_and(key, |_| {})
    }

    /// The same; `seen` is shown the bytes.
    pub(crate) fn get_and<M: Message + Default>(
        &self,
        key: &str,
        seen: impl FnOnce(Option<&[u8]>),
    ) -> Result<Option<M>> {
        let value = self.table.get(key.as_bytes())?;
        seen(value.as_ref().map(AsRef::as_ref));
        value.map(|value| self.decode(key, &value)).transpose()
    }

    /// Every key and message, in the order of the keys' bytes, as of now; a key that is not UTF-8 is
    /// an error of its own.
    pub(crate) fn iter<M: Message + Default>(
        &self,
    ) -> impl Iterator<Item = Result<(String, M)>> + Send + use<M> {
        let entries = self.clone();
        self.table.iter().map(move |entry| {
            let (key, value) = entry?;
            let key = String::from_utf8(key)
                .map_err(|error| entries.unreadable(&error.to_string(), "key is not UTF-8"))?;
            let message = entries.decode(&key, &value)?;
            Ok((key, message))
        })
    }

    fn decode<M: Message + Default>(&self, key: &str, value: &Value) -> Result<M> {
        M::decode(value.as_ref()).map_err(|error| {
            let problem = format!("value is not a {}: {error}", message_name::<M>());
            self.unreadable(key, &problem)
        })
    }

    fn unreadable(&self, key: &str, problem: &str) -> Error {
        Error::Entry {
            topic: self.topic.to_string(),
            key: key.to_owned(),
            problem: problem.to_owned(),
        }
    }
}
