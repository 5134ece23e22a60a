//! What a task notes of the record at hand, when somebody watches it.

use std::sync::{Arc, Mutex, PoisonError};

use prost::Message;

use super::hub::{Hub, Watcher};
use super::operation::{Kind, Operation};
use crate::error::Error;
use crate::kafka::Record;

/// One task's end of a [`Hub`].
#[derive(Default)]
pub(crate) struct Tap {
    /// `None` where nobody can watch.
    hub: Option<Arc<Hub>>,
    /// Those who watched in this generation.
    generation: u64,
    watchers: Vec<Watching>,
    /// The record at hand, when it is to be shown to anybody. What reads does not hold it alone,
    /// so it has a lock, which nobody contends for.
    current: Option<Box<Mutex<Operation>>>,
}

struct Watching {
    watcher: Arc<Watcher>,
    /// Of every input, whether its records concern it.
    concerned: Box<[bool]>,
    /// Whether the record at hand is to be shown to it.
    shown: bool,
    /// What it lost and was not told yet: telling for each would cost more than handling a record.
    lost: u64,
}

impl Tap {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        let mut tap = Self::default();
        tap.hub = Some(hub);
        tap
    }

    /// A record is going to be handled.
    #[inline]
    pub(crate) fn begin(&mut self, input: usize, partition: i32, record: &Record<'_>) {
        if let Some(hub) = &self.hub {
            let generation = hub.generation();
            if generation != 0 || self.generation != 0 {
                self.begin_watched(generation, input, partition, record);
            }
        }
    }

    #[cold]
    fn begin_watched(
        &mut self,
        generation: u64,
        input: usize,
        partition: i32,
        record: &Record<'_>,
    ) {
        self.current = None;
        if generation != self.generation {
            self.look_again();
        }
        let key = record.key.unwrap_or_default();
        let mut shown = false;
        for watching in &mut self.watchers {
            let watcher = &watching.watcher;
            watching.shown = watching.concerned.get(input) == Some(&true) && watcher.wants(key);
            if watching.shown && !watcher.allowance.take() {
                watching.shown = false;
                watching.lost += 1;
            }
            shown |= watching.shown;
        }
        if shown {
            let operation = Operation::begin(input, partition, record);
            self.current = Some(Box::new(Mutex::new(operation)));
        }
    }

    /// Somebody came or went.
    fn look_again(&mut self) {
        self.settle();
        let Some(hub) = &self.hub else { return };
        let (watchers, generation) = hub.watchers();
        self.generation = generation;
        let watching = |watcher: Arc<Watcher>| Watching {
            concerned: hub.concerned(watcher.part()),
            watcher,
            shown: false,
            lost: 0,
        };
        self.watchers = watchers.into_iter().map(watching).collect();
    }

    /// Notes that number `part` of the processors read or wrote bytes, if the record is watched.
    #[inline]
    pub(crate) fn act(&self, part: usize, kind: Kind, key: &str, value: Option<&[u8]>) {
        if let Some(current) = &self.current {
            let mut operation = current.lock().unwrap_or_else(PoisonError::into_inner);
            operation.act(part, kind, key.as_bytes(), value);
        }
    }

    /// The same of a state; `None` when there is none.
    #[inline]
    pub(crate) fn act_on_state(&self, part: usize, kind: Kind, state: Option<&impl Message>) {
        let Some(current) = &self.current else { return };
        let mut operation = current.lock().unwrap_or_else(PoisonError::into_inner);
        match state {
            None => operation.act(part, kind, b"", None),
            Some(state) => operation.act_encoded(part, kind, state.encoded_len(), |bytes| {
                state.encode_raw(bytes);
            }),
        }
    }

    /// Whether what happens with the record at hand is noted.
    #[inline]
    pub(crate) fn is_watched(&self) -> bool {
        self.current.is_some()
    }

    /// The record at hand was handled, or failed with `error`.
    #[inline]
    pub(crate) fn end(&mut self, error: Option<&Error>) {
        if let Some(current) = self.current.take() {
            self.end_watched(*current, error);
        }
    }

    #[cold]
    fn end_watched(&mut self, current: Mutex<Operation>, error: Option<&Error>) {
        let mut operation = current.into_inner().unwrap_or_else(PoisonError::into_inner);
        operation.end(error);
        let operation = Arc::new(operation);
        for watching in &mut self.watchers {
            if watching.shown && !watching.watcher.offer(&operation) {
                watching.lost += 1;
            }
        }
    }

    /// Tells the watchers what they lost: now and then, and when there is time.
    pub(crate) fn settle(&mut self) {
        let Some(hub) = &self.hub else { return };
        for watching in &mut self.watchers {
            if watching.lost > 0 {
                hub.lose(&watching.watcher, std::mem::take(&mut watching.lost));
            }
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.settle();
    }
}
