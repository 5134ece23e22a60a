//! The records that wait to be written: how many, since when, and what of them is written next.

use std::time::Duration;

use super::batching::Batching;
use super::record::SinkRecord;

/// Records in the order they came, and when the oldest did.
///
/// Times are those since any fixed moment, so that it works on real and on virtual time.
pub(crate) struct Collected<M> {
    batching: Batching,
    records: Vec<SinkRecord<M>>,
    since: Duration,
}

impl<M> Collected<M> {
    pub(crate) fn new(batching: Batching) -> Self {
        Self {
            batching,
            records: Vec::new(),
            since: Duration::ZERO,
        }
    }

    pub(crate) fn push(&mut self, record: SinkRecord<M>, now: Duration) {
        if self.records.is_empty() {
            self.since = now;
        }
        self.records.push(record);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether a whole batch waits; nothing more need be collected before it is taken.
    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= self.limit()
    }

    /// When a batch is to be written: at once when it is full, when its oldest record has waited
    /// for the interval otherwise.
    pub(crate) fn due(&self) -> Option<Duration> {
        if self.is_full() {
            Some(Duration::ZERO)
        } else if self.is_empty() {
            None
        } else {
            Some(self.since.saturating_add(self.batching.interval))
        }
    }

    /// The batch to be written next.
    pub(crate) fn take(&mut self, now: Duration) -> Vec<SinkRecord<M>> {
        let left = self.records.split_off(self.records.len().min(self.limit()));
        self.since = now;
        std::mem::replace(&mut self.records, left)
    }

    /// Records that were taken and not written come first again.
    pub(crate) fn put_back(&mut self, mut batch: Vec<SinkRecord<M>>) {
        batch.append(&mut self.records);
        self.records = batch;
    }

    /// Forgets the records of partitions that have moved.
    pub(crate) fn retain(&mut self, stays: impl Fn(i32) -> bool) {
        self.records.retain(|record| stays(record.partition));
    }

    fn limit(&self) -> usize {
        self.batching.records.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn record(partition: i32, offset: i64) -> SinkRecord<()> {
        let mut record = SinkRecord::new("k", None);
        (record.partition, record.offset) = (partition, offset);
        record
    }

    fn offsets(records: &[SinkRecord<()>]) -> Vec<i64> {
        records.iter().map(|record| record.offset).collect()
    }

    fn collected(records: usize) -> Collected<()> {
        Collected::new(
            Batching::default()
                .with_records(records)
                .with_interval(seconds(5)),
        )
    }

    #[test]
    fn a_batch_is_due_when_it_is_full_or_its_oldest_record_has_waited() {
        let mut collected = collected(3);
        assert_eq!(collected.due(), None);
        collected.push(record(0, 1), seconds(10));
        collected.push(record(0, 2), seconds(13));
        assert_eq!(collected.due(), Some(seconds(15)));
        collected.push(record(0, 3), seconds(14));
        assert_eq!(collected.due(), Some(Duration::ZERO));
        assert_eq!(offsets(&collected.take(seconds(14))), [1, 2, 3]);
        collected.push(record(0, 4), seconds(20));
        assert_eq!(
            collected.due(),
            Some(seconds(25)),
            "a new batch, a new wait"
        );
    }

    #[test]
    fn what_was_not_written_comes_first_again_and_no_batch_is_too_large() {
        let mut collected = collected(2);
        collected.push(record(0, 1), seconds(1));
        collected.push(record(0, 2), seconds(1));
        let batch = collected.take(seconds(1));
        collected.push(record(0, 3), seconds(2));
        collected.put_back(batch);
        assert_eq!(offsets(&collected.take(seconds(3))), [1, 2]);
        assert_eq!(collected.due(), Some(seconds(8)));
        assert_eq!(offsets(&collected.take(seconds(8))), [3]);
        assert!(collected.is_empty());
    }

    #[test]
    fn records_of_a_partition_that_moved_are_forgotten() {
        let mut collected = collected(9);
        for (partition, offset) in [(0, 1), (1, 7), (0, 2), (1, 8)] {
            collected.push(record(partition, offset), seconds(1));
        }
        collected.retain(|partition| partition != 0);
        assert_eq!(offsets(&collected.take(seconds(1))), [7, 8]);
    }

    #[test]
    fn a_batch_of_no_records_is_taken_as_one_of_one() {
        let mut collected = collected(0);
        assert!(!collected.is_full());
        collected.push(record(0, 1), seconds(1));
        assert!(collected.is_full());
        assert_eq!(collected.take(seconds(1)).len(), 1);
    }
}
