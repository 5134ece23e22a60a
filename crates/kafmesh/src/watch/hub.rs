//! Who watches a processor: what its tasks look at, and where they hand operations.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};

use super::limit::Allowance;
use super::operation::Operation;
use crate::codegen::ProcessorDescriptor;
use crate::observe::Counter;

/// Operations that wait for a stream.
pub(super) const QUEUE: usize = 1024;

/// Bytes of the operations that wait for a stream.
pub(super) const QUEUE_BYTES: usize = 4 << 20;

/// Who watches one processor.
pub(crate) struct Hub {
    /// It, as the runtime knows it.
    descriptor: &'static ProcessorDescriptor,
    /// The processors it is made of, in their order; itself, if it is one.
    parts: Vec<&'static ProcessorDescriptor>,
    /// 0 while nobody watches, else another number each time that somebody comes or goes.
    generation: AtomicU64,
    watchers: Mutex<Watchers>,
    /// Operations that watchers lost, ever.
    lost: Counter,
}

#[derive(Default)]
struct Watchers {
    all: Vec<Arc<Watcher>>,
    changes: u64,
}

/// Somebody who watches.
pub(crate) struct Watcher {
    /// Empty for every key.
    key: Vec<u8>,
    /// Which of the processors.
    part: usize,
    pub(super) allowance: Allowance,
    queue: mpsc::Sender<Arc<Operation>>,
    queued_bytes: AtomicUsize,
    /// Since it was last told.
    lost: AtomicU64,
    losing: Notify,
}

impl Hub {
    /// Of a processor which is made of `parts`.
    pub(crate) fn new(
        descriptor: &'static ProcessorDescriptor,
        parts: Vec<&'static ProcessorDescriptor>,
    ) -> Self {
        Self {
            descriptor,
            parts,
            generation: AtomicU64::new(0),
            watchers: Mutex::default(),
            lost: Counter::default(),
        }
    }

    pub(super) fn descriptor(&self) -> &'static ProcessorDescriptor {
        self.descriptor
    }

    pub(super) fn parts(&self) -> &[&'static ProcessorDescriptor] {
        &self.parts
    }

    /// 0 while nobody watches.
    #[inline]
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Those who watch now, and the generation they are.
    pub(super) fn watchers(&self) -> (Vec<Arc<Watcher>>, u64) {
        let watchers = self.lock();
        (watchers.all.clone(), self.generation())
    }

    /// Lets somebody watch, `rate` operations per second.
    pub(super) fn watch(
        &self,
        part: usize,
        key: &str,
        rate: u32,
    ) -> (Arc<Watcher>, mpsc::Receiver<Arc<Operation>>) {
        let (queue, operations) = mpsc::channel(QUEUE);
        let watcher = Arc::new(Watcher {
            key: key.as_bytes().to_vec(),
            part,
            allowance: Allowance::full(rate),
            queue,
            queued_bytes: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            losing: Notify::new(),
        });
        self.change(|all| all.push(Arc::clone(&watcher)));
        (watcher, operations)
    }

    /// `gone` watches no more.
    pub(super) fn leave(&self, gone: &Arc<Watcher>) {
        self.change(|all| all.retain(|watcher| !Arc::ptr_eq(watcher, gone)));
    }

    /// Of every input, whether its records concern number `part` of the processors.
    pub(super) fn concerned(&self, part: usize) -> Box<[bool]> {
        let of_part = self.parts[part].inputs;
        let inputs = self.descriptor.inputs.iter();
        inputs
            .map(|input| {
                of_part
                    .iter()
                    .any(|candidate| candidate.topic == input.topic)
            })
            .collect()
    }

    /// How many watch.
    pub(crate) fn watching(&self) -> usize {
        self.lock().all.len()
    }

    /// How many operations were lost, ever.
    pub(crate) fn lost(&self) -> &Counter {
        &self.lost
    }

    /// `watcher` lost `operations`.
    pub(super) fn lose(&self, watcher: &Watcher, operations: u64) {
        watcher.lost.fetch_add(operations, Ordering::Relaxed);
        watcher.losing.notify_one();
        self.lost.add(operations);
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Watcher>>)) {
        let mut watchers = self.lock();
        change(&mut watchers.all);
        watchers.changes += 1;
        let generation = if watchers.all.is_empty() {
            0
        } else {
            watchers.changes
        };
        self.generation.store(generation, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Watchers> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    pub(super) fn part(&self) -> usize {
        self.part
    }

    /// Whether records of `key` are to be shown.
    pub(super) fn wants(&self, key: &[u8]) -> bool {
        self.key.is_empty() || self.key == key
    }

    /// Hands `operation` over; whether there was room for it.
    pub(super) fn offer(&self, operation: &Arc<Operation>) -> bool {
        let size = operation.size();
        let before = self.queued_bytes.fetch_add(size, Ordering::Relaxed);
        // The first always has room.
        let fits = before == 0 || before + size <= QUEUE_BYTES;
        let queued = fits && self.queue.try_send(Arc::clone(operation)).is_ok();
        if !queued {
            self.queued_bytes.fetch_sub(size, Ordering::Relaxed);
        }
        queued
    }

    /// `operation` is in the queue no more.
    pub(super) fn taken(&self, operation: &Operation) {
        let size = operation.size();
        self.queued_bytes.fetch_sub(size, Ordering::Relaxed);
    }

    /// Bytes that wait.
    #[cfg(test)]
    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Ordering::Relaxed)
    }

    /// How many operations were lost since the last call.
    pub(super) fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// Waits until some may have been lost.
    pub(super) async fn losing(&self) {
        self.losing.notified().await;
    }

    /// Whether any was lost since the last [`take_lost`](Self::take_lost).
    pub(super) fn has_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed) > 0
    }
}
