//! What is seen of user code from outside: that it panicked, that it waited.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// How a guarded future ended.
pub(crate) struct Guarded<T> {
    /// The output, or what was said at the panic.
    pub(crate) output: Result<T, String>,
    /// Whether it was not done at once. A handler that never waits need not be watched for the time
    /// it takes, which would cost more than many handlers do.
    pub(crate) waited: bool,
}

/// Runs `future`, keeping its panic from taking the task along.
///
/// Whoever calls this must not rely on what the future was changing when it panicked.
pub(crate) async fn guarded<F: Future>(future: F) -> Guarded<F::Output> {
    let mut future = pin!(future);
    let mut waited = false;
    let output =
        poll_fn(
            |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
                Ok(Poll::Pending) => {
                    waited = true;
                    Poll::Pending
                }
                Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
                Err(panic) => Poll::Ready(Err(said(&*panic))),
            },
        )
        .await;
    Guarded { output, waited }
}

/// The text of a panic.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("no message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn tells_panics_and_waiting() {
        let at_once = guarded(async { 1 }).await;
        assert_eq!((at_once.output, at_once.waited), (Ok(1), false));
        let later = guarded(tokio::task::yield_now()).await;
        assert_eq!((later.output, later.waited), (Ok(()), true));
        let number = 7;
        let panicked = guarded(async { assert_eq!(number, 8, "no eight") }).await;
        assert!(panicked.output.unwrap_err().contains("no eight"));
        let panicked = guarded(async { panic!("plain") }).await;
        assert_eq!(panicked.output.map(|(): ()| ()), Err("plain".to_owned()));
    }
}
