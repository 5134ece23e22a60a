//! Databases outside of Kafka, as far as the shop and its tests need them: in memory, and unavailable on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Why a database did nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable(String);

impl std::fmt::Display for Unavailable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unavailable {}

/// A table of another system; clones share it.
#[derive(Debug)]
pub struct Database<K, V>(Arc<Mutex<Contents<K, V>>>);

#[derive(Debug)]
struct Contents<K, V> {
    rows: BTreeMap<K, V>,
    /// How many rows each write had.
    writes: Vec<usize>,
    unavailable: Option<Unavailable>,
    /// How often it was asked for in vain.
    failures: usize,
}

impl<K: Ord + Clone, V: Clone> Database<K, V> {
    /// Everything in it.
    ///
    /// # Errors
    ///
    /// While it is unavailable.
    pub fn rows(&self) -> Result<BTreeMap<K, V>, Unavailable> {
        Ok(self.reach()?.rows.clone())
    }

    /// Enters all rows or none; a row that is there already is replaced.
    ///
    /// # Errors
    ///
    /// While it is unavailable.
    pub fn upsert(&self, rows: impl IntoIterator<Item = (K, V)>) -> Result<(), Unavailable> {
        let mut contents = self.reach()?;
        let rows: Vec<_> = rows.into_iter().collect();
        contents.writes.push(rows.len());
        contents.rows.extend(rows);
        Ok(())
    }

    /// Puts `rows` in the place of everything in it.
    ///
    /// # Errors
    ///
    /// While it is unavailable.
    pub fn replace(&self, rows: impl IntoIterator<Item = (K, V)>) -> Result<(), Unavailable> {
        let mut contents = self.reach()?;
        contents.rows = rows.into_iter().collect();
        let count = contents.rows.len();
        contents.writes.push(count);
        Ok(())
    }

    /// How many rows each write had, in order.
    pub fn writes(&self) -> Vec<usize> {
        self.lock().writes.clone()
    }

    /// Lets everything fail with `reason` from now on, or nothing with `None`.
    pub fn fail(&self, reason: Option<&str>) {
        self.lock().unavailable = reason.map(|reason| Unavailable(reason.to_owned()));
    }

    /// How often it was asked for in vain.
    pub fn failures(&self) -> usize {
        self.lock().failures
    }

    fn reach(&self) -> Result<MutexGuard<'_, Contents<K, V>>, Unavailable> {
        let mut contents = self.lock();
        match contents.unavailable.clone() {
            Some(why) => {
                contents.failures += 1;
                Err(why)
            }
            None => Ok(contents),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Contents<K, V>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V> Default for Database<K, V> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Contents {
            rows: BTreeMap::new(),
            writes: Vec::new(),
            unavailable: None,
            failures: 0,
        })))
    }
}

impl<K, V> Clone for Database<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}
