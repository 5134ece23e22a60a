//! The parts of a service that run: which they are, how they ended.

use std::collections::HashMap;

use tokio::task::{Id, JoinError, JoinSet};

use crate::error::{Error, Result};

/// Running parts, by the names people know them by.
#[derive(Default)]
pub(crate) struct Running {
    parts: JoinSet<Result<()>>,
    titles: HashMap<Id, String>,
}

impl Running {
    pub(crate) fn spawn(
        &mut self,
        title: String,
        part: impl Future<Output = Result<()>> + Send + 'static,
    ) {
        let id = self.parts.spawn(part).id();
        self.titles.insert(id, title);
    }

    /// Waits for the next part to end; `None` when none runs. Nothing is lost when the future is dropped.
    pub(crate) async fn next_ended(&mut self) -> Option<Result<()>> {
        let ended = self.parts.join_next_with_id().await?;
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let title = self.titles.remove(&id);
        Some(ended.map_or_else(
            |error| {
                Err(Error::Stopped {
                    object: title.unwrap_or_default(),
                    source: Box::new(Error::handler(error)),
                })
            },
            |(_, result)| result,
        ))
    }

    /// Waits for a part that ends with an error; never, when none does. Nothing is lost when the
    /// future is dropped.
    pub(crate) async fn failed(&mut self) -> Error {
        loop {
            match self.next_ended().await {
                Some(Ok(())) => {}
                Some(Err(error)) => return error,
                None => std::future::pending().await,
            }
        }
    }

    /// The names of those that have not ended.
    pub(crate) fn titles(&self) -> String {
        let mut titles: Vec<_> = self.titles.values().map(String::as_str).collect();
        titles.sort_unstable();
        titles.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_error_is_kept_and_what_runs_is_named() {
        let mut running = Running::default();
        running.spawn("c".to_owned(), std::future::pending());
        running.spawn("a".to_owned(), async { Err(Error::handler("a failed")) });
        assert_eq!(running.titles(), "a, c");
        assert_eq!(
            running.next_ended().await.unwrap().unwrap_err().to_string(),
            "a failed"
        );
        assert_eq!(running.titles(), "c");
        running.spawn("d".to_owned(), async { Ok(()) });
        running.spawn("e".to_owned(), async { Err(Error::handler("e failed")) });
        assert_eq!(running.failed().await.to_string(), "e failed");
        running.spawn("b".to_owned(), async { panic!("b panicked") });
        let error = running.next_ended().await.unwrap().unwrap_err().to_string();
        assert!(
            error.starts_with("b stopped: ") && error.contains("b panicked"),
            "{error}"
        );
    }
}
