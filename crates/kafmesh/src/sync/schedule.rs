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
        Some(limit) => tokio::time::timeout(limit, sync)
            .await
            .map_err(|_| Error::TimedOut { limit })?,
    };
    ended
        .output
        .unwrap_or_else(|said| Err(Error::Panicked { said }))
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const LIMIT: Option<Duration> = Some(Duration::from_secs(5));

    #[tokio::test(start_paused = true)]
    async fn a_sync_is_ended_after_its_time() {
        let began = Instant::now();
        let error = limited(LIMIT, std::future::pending()).await.unwrap_err();
        assert_eq!(Some(began.elapsed()), LIMIT);
        assert_eq!(
            error.to_string(),
            "it was ended after 5s, the schedule's timeout"
        );
        let slow = async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            Ok(())
        };
        assert!(limited(LIMIT, slow).await.is_ok());
    }

    #[test]
    fn a_schedule_without_pause_has_a_short_one() {
        assert_eq!(Schedule::every(Duration::ZERO).every, SHORTEST);
    }
}
