//! The end of a service: told to all its parts at once, with the error that was the reason.

use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};

/// Tells every part of a service to stop, and keeps the first error; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Halt {
    stop: CancellationToken,
    reason: Arc<Mutex<Option<Error>>>,
}

impl Halt {
    /// Resolves when the service is to stop.
    pub(crate) async fn asked(&self) {
        self.stop.cancelled().await;
    }

    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Stops the service because of `error`; later ones are logged only, since they often follow from it.
    pub(crate) fn fail(&self, error: Error) {
        let mut reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        if reason.is_none() {
            tracing::error!(%error, "stopping the service");
            *reason = Some(error);
        } else {
            tracing::warn!(%error, "another error while stopping");
        }
        self.stop.cancel();
    }

    /// How the service ended.
    pub(crate) fn result(&self) -> Result<()> {
        let reason = self
            .reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        reason.map_or(Ok(()), Err)
    }

    pub(crate) fn token(&self) -> CancellationToken {
        self.stop.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_error_is_the_reason() {
        let halt = Halt::default();
        halt.clone().fail(Error::handler("first"));
        halt.asked().await;
        halt.fail(Error::handler("second"));
        assert_eq!(halt.result().unwrap_err().to_string(), "first");
    }

    #[tokio::test]
    async fn a_stop_is_no_error() {
        let halt = Halt::default();
        halt.stop();
        halt.asked().await;
        assert!(halt.result().is_ok());
    }
}
