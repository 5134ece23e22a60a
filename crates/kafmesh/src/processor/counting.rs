//! What a task counts: per batch, in one place, so that nothing of it is done per record.

use tokio::time::Instant;

use super::core::Processor;
use super::task::Task;
use crate::kafka::Record;

/// The records of one batch that were handled.
pub(super) struct Handled {
    began: Instant,
    records: u64,
    bytes: u64,
}

impl Default for Handled {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            records: 0,
            bytes: 0,
        }
    }
}

impl Handled {
    pub(super) fn add(&mut self, record: &Record<'_>) {
        self.records += 1;
        self.bytes += record.bytes() as u64;
    }
}

impl<P: Processor> Task<P> {
    /// A batch of input number `input` was handled, or as much of it as `handled` tells.
    pub(super) fn note_handled(&mut self, input: usize, handled: Handled) {
        let counts = &self.observed.counts;
        counts.runs.took(handled.began.elapsed());
        let input = &self.inputs[input];
        if let Some(next) = input.handled {
            input.position.reached(next);
        }
        if let Some(topic) = counts.received().get(input.index) {
            topic.add(handled.records, handled.bytes);
        }
        let (hits, misses) = self.work.take_cache_lookups();
        counts.cache_hits.add(hits);
        counts.cache_misses.add(misses);
        let (entries, bytes) = self.work.cache_size();
        self.observed.cache(entries, bytes);
    }

    /// What is in the outbox is about to be handed to the producer. The producer is the processor's
    /// own, and numbers the topics in the order in which they are counted: outputs, then changelog.
    pub(super) fn note_sent(&self) {
        let sent = self.observed.counts.sent();
        for (topic, (records, bytes)) in sent.iter().zip(self.work.outbox.tally()) {
            topic.add(records, bytes);
        }
    }
}
