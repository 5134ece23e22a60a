//! When a sink's records are written, and how long a write that fails is tried again.

use std::time::Duration;

/// How the records of a sink are put into batches.
///
/// ```
/// use std::time::Duration;
///
/// let batching = kafmesh::Batching::default()
///     .with_records(5_000)
///     .with_interval(Duration::from_millis(200));
/// assert_eq!(batching.retry_for, Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batching {
    /// A batch is written when it has this many records, and never has more. Default 1000; 0 is
    /// taken as 1. As many are held in memory again while a batch is being written.
    pub records: usize,
    /// A batch is written when the keys and values of its records have this many bytes in the topic,
    /// which it exceeds by one record at most. Default 16 MiB; 0 is taken as 1. As many are held in memory again while
    /// a batch is being written.
    pub bytes: usize,
    /// A batch is written when its oldest record has waited this long. Default 1 s.
    pub interval: Duration,
    /// A write that fails is tried again, with growing pauses, for this long; then the service
    /// stops. Default 60 s.
    pub retry_for: Duration,
}

impl Default for Batching {
    fn default() -> Self {
        Self {
            records: 1000,
            bytes: 16 << 20,
            interval: Duration::from_secs(1),
            retry_for: Duration::from_secs(60),
        }
    }
}

impl Batching {
    /// Sets [`records`](Self::records).
    #[must_use]
    pub fn with_records(mut self, records: usize) -> Self {
        self.records = records;
        self
    }

    /// Sets [`bytes`](Self::bytes).
    #[must_use]
    pub fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets [`interval`](Self::interval).
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets [`retry_for`](Self::retry_for).
    #[must_use]
    pub fn with_retry_for(mut self, retry_for: Duration) -> Self {
        self.retry_for = retry_for;
        self
    }
}
