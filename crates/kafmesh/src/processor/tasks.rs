//! The running tasks of a member, by the number of their partition.

use std::collections::HashMap;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::owned::Numbers;
use crate::error::{Error, Result};
use crate::guard::said;

#[derive(Default)]
pub(super) struct Tasks {
    set: JoinSet<Result<()>>,
    /// Of every task that has not ended.
    running: HashMap<Id, (i32, CancellationToken)>,
}

impl Tasks {
    /// Runs a task until it ends by itself or when `stop` tells it to.
    pub(super) fn spawn(
        &mut self,
        number: i32,
        stop: CancellationToken,
        task: impl Future<Output = Result<()>> + Send + 'static,
    ) {
        let id = self.set.spawn(task).id();
        self.running.insert(id, (number, stop));
    }

    /// Waits for the next task to end; `None` when there is none. Nothing is lost when the future is
    /// dropped.
    pub(super) async fn next_ended(&mut self) -> Option<Result<()>> {
        let ended = self.set.join_next_with_id().await?;
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        self.running.remove(&id);
        Some(flat(ended.map(|(_, result)| result)))
    }

    /// Lets the tasks of `numbers` commit and end; `fail` is told the errors of all that end meanwhile.
    pub(super) async fn stop(&mut self, numbers: &Numbers, fail: impl Fn(Error)) {
        for (number, stop) in self.running.values() {
            if numbers.contains(number) {
                stop.cancel();
            }
        }
        while self.runs_any(numbers)
            && let Some(ended) = self.next_ended().await
        {
            ended.unwrap_or_else(&fail);
        }
    }

    /// As [`stop`](Self::stop), for all.
    pub(super) async fn stop_all(&mut self, fail: impl Fn(Error)) {
        let all = self.running.values().map(|(number, _)| *number).collect();
        self.stop(&all, fail).await;
    }

    /// Ends every task where it stands, without a commit.
    pub(super) async fn abort_all(&mut self) {
        self.set.shutdown().await;
        self.running.clear();
    }

    /// Whether any task of `numbers` has not ended.
    pub(super) fn runs_any(&self, numbers: &Numbers) -> bool {
        let mut running = self.running.values();
        running.any(|(number, _)| numbers.contains(number))
    }
}

/// A task that panicked is a task that failed.
fn flat(ended: Result<Result<()>, JoinError>) -> Result<()> {
    match ended {
        Ok(result) => result,
        Err(error) if error.is_cancelled() => Ok(()),
        Err(error) => {
            let said = error
                .try_into_panic()
                .map_or_else(|error| error.to_string(), |panic| said(&*panic));
            Err(Error::Panicked { said })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Tasks of `numbers` that say when they are told to stop.
    fn tasks(numbers: &[i32]) -> (Tasks, Arc<Mutex<Vec<i32>>>) {
        let mut tasks = Tasks::default();
        let stopped = Arc::<Mutex<Vec<i32>>>::default();
        for &number in numbers {
            let (stop, told) = (CancellationToken::new(), Arc::clone(&stopped));
            tasks.spawn(number, stop.clone(), async move {
                stop.cancelled().await;
                told.lock().unwrap().push(number);
                if number < 0 {
                    return Err(Error::handler(format!("{number} failed")));
                }
                Ok(())
            });
        }
        (tasks, stopped)
    }

    #[tokio::test]
    async fn only_the_tasks_of_the_numbers_stop() {
        let (mut tasks, stopped) = tasks(&[0, 1, 2, 3]);
        let unexpected = |error| panic!("{error}");
        tasks.stop(&[1, 3, 7].into(), unexpected).await;
        let mut first = stopped.lock().unwrap().clone();
        first.sort_unstable();
        assert_eq!(first, [1, 3]);
        tasks.stop_all(unexpected).await;
        assert_eq!(stopped.lock().unwrap().len(), 4);
        assert!(tasks.next_ended().await.is_none());
    }

    #[tokio::test]
    async fn errors_and_panics_are_told() {
        let (mut tasks, _) = tasks(&[-1]);
        tasks.spawn(5, CancellationToken::new(), async { panic!("five") });
        let told = Mutex::new(Vec::new());
        let fail = |error: Error| told.lock().unwrap().push(error.to_string());
        tasks.stop(&[5].into(), fail).await;
        tasks.stop(&[-1].into(), fail).await;
        assert_eq!(*told.lock().unwrap(), ["it panicked: five", "-1 failed"]);
    }

    #[tokio::test]
    async fn an_abort_waits_for_nobody() {
        let (mut tasks, stopped) = tasks(&[0]);
        tasks.spawn(1, CancellationToken::new(), std::future::pending());
        tasks.abort_all().await;
        assert!(stopped.lock().unwrap().is_empty());
        assert!(!tasks.runs_any(&[0, 1].into()));
    }
}
