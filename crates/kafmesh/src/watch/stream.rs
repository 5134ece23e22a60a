//! What one watcher is sent: operations as they come, and how many it lost.

use std::sync::Arc;

use futures_util::Stream;
use kafmesh_proto::watch::v1::ProcessorResponse;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

use super::hub::{Hub, Watcher};
use super::json::Types;
use super::limit::Refill;
use super::operation::Operation;
use super::shown::shown;

/// How often more is allowed, while there could be.
const REFILL_EVERY: Duration = Duration::from_millis(10);

/// How often it is looked for more operations. To wake up for each would cost more than to send it; the
/// first after a while is sent at once.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// How often losses are told while there is no operation to tell them with.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// One watcher's operations; whoever drops it watches no more.
pub(super) struct Operations {
    hub: Arc<Hub>,
    watcher: Arc<Watcher>,
    queue: mpsc::Receiver<Arc<Operation>>,
    refill: Refill,
    types: Arc<Types>,
    /// The service has stopped: what waits is sent, and no more.
    end: CancellationToken,
    /// When losses were told last.
    told: Instant,
    /// When it is looked for more operations.
    look_at: Instant,
    /// One of those who may watch at a time.
    _place: OwnedSemaphorePermit,
}

impl Operations {
    pub(super) fn new(
        hub: Arc<Hub>,
        (part, key): (usize, &str),
        rate: u32,
        types: Arc<Types>,
        end: CancellationToken,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let (watcher, queue) = hub.watch(part, key, rate);
        Self {
            hub,
            watcher,
            queue,
            refill: Refill::new(rate),
            types,
            end,
            told: Instant::now(),
            look_at: Instant::now(),
            _place: place,
        }
    }

    /// The responses, one after the other.
    pub(super) fn into_stream(self) -> impl Stream<Item = ProcessorResponse> + Send {
        futures_util::stream::unfold(self, async |mut operations| {
            let response = operations.next().await?;
            Some((response, operations))
        })
    }

    /// Waits for what is to be sent next; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<ProcessorResponse> {
        loop {
            if let Ok(operation) = self.queue.try_recv() {
                return Some(self.operation(&operation));
            }
            // Whoever cancels does so when no task is left that could add to the queue.
            if self.end.is_cancelled() {
                return self.watcher.has_lost().then(|| self.response(None));
            }
            let is_full = self.refill.refill(&self.watcher.allowance);
            let has_lost = self.watcher.has_lost();
            let tell_at = self.told + TELL_EVERY;
            let (queue, look_at) = (&mut self.queue, self.look_at);
            let operation = async {
                tokio::time::sleep_until(look_at).await;
                queue.recv().await
            };
            tokio::select! {
                operation = operation => {
                    let operation = operation?;
                    self.look_at = Instant::now() + LOOK_EVERY;
                    return Some(self.operation(&operation));
                }
                () = self.end.cancelled() => {}
                () = tokio::time::sleep_until(tell_at), if has_lost => {
                    return Some(self.response(None));
                }
                () = tokio::time::sleep(REFILL_EVERY), if !is_full => {}
                () = self.watcher.losing(), if !has_lost => {}
            }
        }
    }

    fn operation(&mut self, operation: &Operation) -> ProcessorResponse {
        self.watcher.taken(operation);
        self.response(Some(operation))
    }

    fn response(&mut self, operation: Option<&Operation>) -> ProcessorResponse {
        let lost = self.watcher.take_lost();
        if lost > 0 {
            self.told = Instant::now();
        }
        let part = self.watcher.part();
        ProcessorResponse {
            operation: operation.map(|operation| shown(&self.hub, part, operation, &self.types)),
            lost,
        }
    }

    #[cfg(test)]
    pub(super) fn watcher(&self) -> &Watcher {
        &self.watcher
    }
}

impl Drop for Operations {
    fn drop(&mut self) {
        self.hub.leave(&self.watcher);
    }
}
