//! When to synchronise, and how long that may take.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::guard::guarded;

/// The shortest time between two syncs, for schedules that name none.
const SHORTEST: Duration = Duration::from_millis(1);

/// When a view source or a view sink synchronises.
///
/// ```
/// use std::time::Duration;
///
/// let schedule = kafmesh::Schedule::every(Duration::from_secs(300))
///     .with_timeout(Duration::from_secs(60));
/// assert_eq!(schedule.every, Duration::from_secs(300));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Schedule {
    /// From the start of one sync to the start of the next; the first is made at once. A sync that
    /// takes longer is followed by the next at once.
    pub every: Duration,
    /// How long a sync may take before it is ended, which counts as its failure.
    pub timeout: Duration,
}

impl Schedule {
    /// A sync `every` so often, at least 1 ms apart, which may take as long.
    pub fn every(every: Duration) -> Self {
        let every = every.max(SHORTEST);
        Self {
            every,
            timeout: every,
        }
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

/// Runs the user's part of a sync: a panic, and the end of the time it has, are errors.
pub(super) async fn limited<F>(limit: Option<Duration>, sync: F) -> Result<()>
where
    F: Future<Output = Result<()>>,
{
    let sync = guarded(sync);
    let ended = match limit {
        None => sync.await,
        Some(limit) => tokio::time::timeout(limit, sync).await.map_err(|_| {
            Error::handler(format!(
                "it was ended after {limit:?}, the schedule's timeout"
            ))
        })?,
    };
    ended
        .output
        .unwrap_or_else(|said| Err(Error::handler(format!("it panicked: {said}"))))
}
