//! What an object counts while it works. Everything is counted per batch, or more seldom, in atomics
//! that nobody reads but a scrape.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds of the times that are told apart, in seconds: from a batch of cheap handlers to a
/// commit that waits for a broker to restart.
const SECONDS: [f64; 12] = [
    0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0,
];

/// A number that only grows.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

/// How long something took, and how often it took place.
pub(crate) struct Times(pub(super) Histogram);

/// What goes in from, or out to, one topic.
pub(crate) struct Traffic {
    pub(super) topic: Arc<str>,
    pub(crate) records: Counter,
    pub(super) bytes: Counter,
}

/// What one object counted since the process started.
pub(crate) struct Counts {
    received: Box<[Traffic]>,
    sent: Box<[Traffic]>,
    /// Records, writes, emits or syncs that failed.
    pub(crate) errors: Counter,
    /// Batches that were handled or written, whole syncs.
    pub(crate) runs: Times,
    pub(crate) commits: Times,
    /// Writes of a sink that were tried again.
    pub(crate) retries: Counter,
    /// Keys that a view source changed.
    pub(crate) updates: Counter,
    /// Keys that a view source deleted, since its sync did not name them.
    pub(crate) deletes: Counter,
    /// States that were found in the cache, and that had to be read from the store.
    pub(crate) cache_hits: Counter,
    pub(crate) cache_misses: Counter,
}

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Times {
    pub(crate) fn took(&self, time: Duration) {
        self.0.observe(time.as_secs_f64());
    }
}

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new(SECONDS))
    }
}

impl Traffic {
    fn new(topic: &'static str) -> Self {
        Self {
            topic: topic.into(),
            records: Counter::default(),
            bytes: Counter::default(),
        }
    }

    /// Records with `bytes` of keys and values together.
    pub(crate) fn add(&self, records: u64, bytes: u64) {
        self.records.add(records);
        self.bytes.add(bytes);
    }
}

impl Counts {
    /// For an object that reads the topics `received` and writes `sent`; a topic named twice is one.
    pub(crate) fn new(
        received: impl IntoIterator<Item = &'static str>,
        sent: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        Self {
            received: traffic(received),
            sent: traffic(sent),
            errors: Counter::default(),
            runs: Times::default(),
            commits: Times::default(),
            retries: Counter::default(),
            updates: Counter::default(),
            deletes: Counter::default(),
            cache_hits: Counter::default(),
            cache_misses: Counter::default(),
        }
    }

    /// Of the topics it reads, in the order they were named.
    pub(crate) fn received(&self) -> &[Traffic] {
        &self.received
    }

    /// Of the topics it writes, in the order they were named.
    pub(crate) fn sent(&self) -> &[Traffic] {
        &self.sent
    }
}

fn traffic(topics: impl IntoIterator<Item = &'static str>) -> Box<[Traffic]> {
    let mut all = Vec::<Traffic>::new();
    for topic in topics {
        if all.iter().all(|known| *known.topic != *topic) {
            all.push(Traffic::new(topic));
        }
    }
    all.into()
}
