//! Trying again what failed for a reason that passes by itself, such as a broker that restarts.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Result};

/// How long it is tried: as long as the client tries to deliver a record (`message.timeout.ms`).
const PATIENCE: Duration = Duration::from_secs(300);
/// How long nobody needs to know.
const WORTH_A_WARNING: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Calls `attempt` until it succeeds, fails for good, or has failed for five minutes.
pub(crate) async fn retry<T, A>(mut attempt: impl FnMut() -> A) -> Result<T>
where
    A: Future<Output = Result<T>>,
{
    let began = Instant::now();
    let mut backoff = Backoff::new(PATIENCE);
    loop {
        let ended = attempt().await;
        let Err(Error::Kafka {
            action,
            reason,
            retriable: true,
        }) = &ended
        else {
            return ended;
        };
        let Some(pause) = backoff.pause(began.elapsed()) else {
            return ended;
        };
        // Topics that were just created, and brokers that take over, need a moment.
        if began.elapsed() < WORTH_A_WARNING {
            tracing::debug!(reason, "{action} failed, trying again");
        } else {
            tracing::warn!(reason, "{action} failed, trying again");
        }
        tokio::time::sleep(pause).await;
    }
}

/// Pauses between attempts: each twice as long as the one before, until it was tried long enough.
pub(crate) struct Backoff {
    patience: Duration,
    next: Duration,
}

impl Backoff {
    /// For attempts that go on for `patience`.
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            patience,
            next: FIRST_PAUSE,
        }
    }

    /// The pause after an attempt that failed `elapsed` after the first began; `None` when it was
    /// the last. The last begins no sooner than `patience` after the first.
    pub(crate) fn pause(&mut self, elapsed: Duration) -> Option<Duration> {
        let left = self.patience.checked_sub(elapsed)?;
        if left.is_zero() {
            return None;
        }
        let pause = self.next.min(left);
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(retriable: bool) -> Error {
        Error::Kafka {
            action: "committing".to_owned(),
            reason: "moved".to_owned(),
            retriable,
        }
    }

    /// Lets an operation fail `failures` times; how often it was called, and how it ended.
    async fn run(failures: u32, retriable: bool) -> (u32, Result<()>) {
        let mut calls = 0;
        let ended = retry(|| {
            calls += 1;
            let failed = calls <= failures;
            async move {
                if failed {
                    Err(failure(retriable))
                } else {
                    Ok(())
                }
            }
        });
        let ended = ended.await;
        (calls, ended)
    }

    #[tokio::test(start_paused = true)]
    async fn what_passes_by_itself_is_tried_again_for_five_minutes() {
        let (calls, ended) = run(10, true).await;
        assert_eq!((calls, ended.is_ok()), (11, true));
        let began = Instant::now();
        assert!(run(u32::MAX, true).await.1.is_err());
        assert!((PATIENCE..PATIENCE + LONGEST_PAUSE).contains(&began.elapsed()));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_is_an_error_at_once() {
        let (calls, ended) = run(1, false).await;
        assert_eq!((calls, ended.is_err()), (1, true));
    }
}
