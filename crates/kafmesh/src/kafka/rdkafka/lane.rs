//! Lanes: how far what a task sent is acknowledged.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::context::lock;
use super::ffi::Delivered;
use crate::error::{Error, Result};

/// Counts what was sent through it and is not acknowledged yet, and remembers the first failure.
///
/// One per task. What is still under way when it is dropped is delivered all the same.
pub(crate) struct Lane {
    progress: Arc<Progress>,
    lanes: Arc<Lanes>,
    index: usize,
}

#[derive(Default)]
struct Progress {
    /// Written by the lane's task.
    sent: AtomicU64,
    /// Written by the thread that serves delivery reports, so that the two share no counter.
    settled: AtomicU64,
    failure: Mutex<Option<(String, String)>>,
    changed: Notify,
}

/// The lanes of one producer. A record in flight carries its lane's number, not a pointer to it.
#[derive(Default)]
pub(super) struct Lanes(Mutex<Slots>);

#[derive(Default)]
struct Slots {
    all: Vec<Slot>,
    /// The numbers of those in use by nobody, so that opening a lane costs the same among thousands.
    free: Vec<usize>,
}

#[derive(Default)]
struct Slot {
    progress: Option<Arc<Progress>>,
    /// The lane is gone; its number is free when its records have come back.
    dropped: bool,
}

impl Lanes {
    pub(super) fn open(self: &Arc<Self>) -> Lane {
        let progress = Arc::<Progress>::default();
        let mut slots = lock(&self.0);
        let slot = Slot {
            progress: Some(Arc::clone(&progress)),
            dropped: false,
        };
        let index = match slots.free.pop() {
            Some(index) => {
                slots.all[index] = slot;
                index
            }
            None => {
                slots.all.push(slot);
                slots.all.len() - 1
            }
        };
        Lane {
            progress,
            lanes: Arc::clone(self),
            index,
        }
    }

    pub(super) fn settle(&self, delivered: Delivered) {
        let mut slots = lock(&self.0);
        let Some(slot) = slots.all.get(delivered.lane) else {
            return;
        };
        let Some(progress) = &slot.progress else {
            return;
        };
        if let Some(failure) = delivered.failure {
            lock(&progress.failure).get_or_insert(failure);
        }
        progress
            .settled
            .fetch_add(delivered.records, Ordering::Release);
        progress.changed.notify_waiters();
        if slot.dropped && progress.outstanding() == 0 {
            slots.release(delivered.lane);
        }
    }
}

impl Slots {
    fn release(&mut self, index: usize) {
        self.all[index] = Slot::default();
        self.free.push(index);
    }
}

impl Progress {
    fn outstanding(&self) -> u64 {
        // The report may be served before `Lane::sent` was called for its records.
        self.sent
            .load(Ordering::Acquire)
            .saturating_sub(self.settled.load(Ordering::Acquire))
    }

    fn failure(&self) -> Result<()> {
        match &*lock(&self.failure) {
            Some((topic, reason)) => Err(Error::NotDelivered {
                topic: topic.clone(),
                reason: reason.clone(),
            }),
            None => Ok(()),
        }
    }
}

impl Lane {
    /// How many records are not acknowledged yet.
    #[cfg(test)]
    pub(crate) fn outstanding(&self) -> u64 {
        self.progress.outstanding()
    }

    /// Resolves when everything sent so far is acknowledged.
    ///
    /// # Errors
    /// [`Error::NotDelivered`] as soon as a record was not delivered since the lane was opened.
    pub(crate) async fn drained(&self) -> Result<()> {
        self.reached(|progress| progress.failure()).await
    }

    /// Resolves when nothing sent so far is under way any more, be it delivered or given up.
    pub(crate) async fn settled(&self) {
        // Failures are no reason to look away from what is still under way.
        let _ = self.reached(|_| Ok(())).await;
    }

    /// Waits until everything sent so far is settled, or `check` fails.
    async fn reached(&self, check: impl Fn(&Progress) -> Result<()>) -> Result<()> {
        let sent = self.progress.sent.load(Ordering::Acquire);
        loop {
            let changed = self.progress.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            check(&self.progress)?;
            if self.progress.settled.load(Ordering::Acquire) >= sent {
                return Ok(());
            }
            changed.await;
        }
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn sent(&self, records: u64) {
        self.progress.sent.fetch_add(records, Ordering::Release);
    }

    /// Remembers that a record could not even be handed to the client.
    pub(super) fn refused(&self, topic: &str, reason: String) {
        lock(&self.progress.failure).get_or_insert((topic.to_owned(), reason));
        self.progress.changed.notify_waiters();
    }

    /// The first failure since the lane was opened.
    pub(super) fn failure(&self) -> Result<()> {
        self.progress.failure()
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let mut slots = lock(&self.lanes.0);
        if self.progress.outstanding() == 0 {
            slots.release(self.index);
        } else {
            slots.all[self.index].dropped = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(lane: &Lane, records: u64) -> Delivered {
        Delivered {
            lane: lane.index(),
            records,
            failure: None,
        }
    }

    #[tokio::test]
    async fn drains_when_everything_sent_before_is_acknowledged() {
        let lanes = Arc::<Lanes>::default();
        let lane = lanes.open();
        lane.drained().await.unwrap();
        lane.sent(3);
        lanes.settle(delivered(&lane, 2));
        assert_eq!(lane.outstanding(), 1);
        let waiting = lane.drained();
        tokio::pin!(waiting);
        let early =
            tokio::time::timeout(std::time::Duration::from_millis(20), waiting.as_mut()).await;
        assert!(early.is_err(), "one record is not acknowledged");
        lanes.settle(delivered(&lane, 1));
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn a_failure_does_not_settle_what_is_under_way() {
        let lanes = Arc::<Lanes>::default();
        let lane = lanes.open();
        lane.sent(2);
        lanes.settle(Delivered {
            failure: Some(("a".to_owned(), "too large".to_owned())),
            ..delivered(&lane, 1)
        });
        assert!(lane.drained().await.is_err());
        let settled = lane.settled();
        tokio::pin!(settled);
        let early =
            tokio::time::timeout(std::time::Duration::from_millis(20), settled.as_mut()).await;
        assert!(early.is_err(), "one record is under way");
        lanes.settle(delivered(&lane, 1));
        settled.await;
    }

    #[tokio::test]
    async fn the_first_failure_stays() {
        let lanes = Arc::<Lanes>::default();
        let lane = lanes.open();
        lane.sent(2);
        for reason in ["too large", "timed out"] {
            let failure = Some(("a".to_owned(), reason.to_owned()));
            lanes.settle(Delivered {
                lane: lane.index(),
                records: 1,
                failure,
            });
        }
        for _ in 0..2 {
            assert!(
                lane.drained()
                    .await
                    .unwrap_err()
                    .to_string()
                    .contains("too large")
            );
        }
        lanes.open().drained().await.unwrap();
    }

    #[test]
    fn a_number_is_used_again_only_when_its_records_have_come_back() {
        let lanes = Arc::<Lanes>::default();
        let first = lanes.open();
        first.sent(1);
        let index = first.index();
        let report = delivered(&first, 1);
        drop(first);
        let second = lanes.open();
        assert_ne!(second.index(), index);
        lanes.settle(report);
        assert_eq!(lanes.open().index(), index);
        assert_eq!(second.outstanding(), 0);
    }

    #[test]
    fn numbers_are_used_again_among_many_lanes() {
        let lanes = Arc::<Lanes>::default();
        let open: Vec<_> = (0..10_000).map(|_| lanes.open()).collect();
        drop(open);
        let again: Vec<_> = (0..10_000).map(|_| lanes.open()).collect();
        let numbers: std::collections::HashSet<_> = again.iter().map(Lane::index).collect();
        assert_eq!(numbers.len(), 10_000, "no two share a number");
        assert_eq!(numbers.into_iter().max(), Some(9_999));
    }

    #[test]
    fn a_report_may_overtake_the_count() {
        let lanes = Arc::<Lanes>::default();
        let lane = lanes.open();
        lanes.settle(delivered(&lane, 1));
        assert_eq!(lane.outstanding(), 0);
        lane.sent(2);
        assert_eq!(lane.outstanding(), 1);
    }
}
