//! Trying again what failed for a reason that passes by itself, such as a broker that restarts.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Result};

/// How long it is tried: as long as the client tries to deliver a record (`message.timeout.ms`).
const PATIENCE: Duration = Duration::from_secs(300);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Calls `attempt` until it succeeds, fails for good, or has failed for five minutes.
pub(crate) async fn retry<T, A>(mut attempt: impl FnMut() -> A) -> Result<T>
where
    A: Future<Output = Result<T>>,
{
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        match attempt().await {
            Err(Error::Kafka {
                action,
                reason,
                retriable: true,
            }) if began.elapsed() < PATIENCE => {
                tracing::warn!(reason, "{action} failed, trying again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            ended => return ended,
        }
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
