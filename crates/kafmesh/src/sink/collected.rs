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
    /// Bytes of each record, and of all.
    sizes: Vec<usize>,
    bytes: usize,
    /// Bytes of each record that was taken last.
    taken: Vec<usize>,
    since: Duration,
}

impl<M> Collected<M> {
    pub(crate) fn new(batching: Batching) -> Self {
        Self {
            batching,
            records: Vec::new(),
            sizes: Vec::new(),
            bytes: 0,
            taken: Vec::new(),
            since: Duration::ZERO,
        }
    }

    /// Adds a record whose key and value have `size` bytes.
    pub(crate) fn push(&mut self, record: SinkRecord<M>, size: usize, now: Duration) {
        if self.records.is_empty() {
            self.since = now;
        }
        self.records.push(record);
        self.sizes.push(size);
        self.bytes += size;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether a whole batch waits; nothing more need be collected before it is taken.
    pub(crate) fn is_full(&self) -> bool {
        let Batching { records, bytes, .. } = self.batching;
        self.records.len() >= records.max(1) || self.bytes >= bytes.max(1)
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
        let count = self.next();
        self.since = now;
        let left = self.sizes.split_off(count);
        self.taken = std::mem::replace(&mut self.sizes, left);
        self.bytes -= self.taken.iter().sum::<usize>();
        let left = self.records.split_off(count);
        std::mem::replace(&mut self.records, left)
    }

    /// The records that were taken last, and were not written, come first again.
    pub(crate) fn put_back(&mut self, mut batch: Vec<SinkRecord<M>>) {
        self.bytes += self.taken.iter().sum::<usize>();
        self.taken.append(&mut self.sizes);
        std::mem::swap(&mut self.sizes, &mut self.taken);
        batch.append(&mut self.records);
        self.records = batch;
    }

    /// Forgets the records of partitions that have moved.
    pub(crate) fn retain(&mut self, stays: impl Fn(i32) -> bool) {
        let mut records = self.records.iter();
        self.sizes
            .retain(|_| records.next().is_some_and(|record| stays(record.partition)));
        self.bytes = self.sizes.iter().sum();
        self.records.retain(|record| stays(record.partition));
    }

    /// How many records the next batch has: no more than may be, and none after those that fill it.
    fn next(&self) -> usize {
        let most = self.records.len().min(self.batching.records.max(1));
        let mut bytes = 0;
        let filling = self.sizes[..most].iter().position(|size| {
            bytes += size;
            bytes >= self.batching.bytes.max(1)
        });
        filling.map_or(most, |last| last + 1)
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
        collected.push(record(0, 1), 10, seconds(10));
        collected.push(record(0, 2), 10, seconds(13));
        assert_eq!(collected.due(), Some(seconds(15)));
        collected.push(record(0, 3), 10, seconds(14));
        assert_eq!(collected.due(), Some(Duration::ZERO));
        assert_eq!(offsets(&collected.take(seconds(14))), [1, 2, 3]);
        collected.push(record(0, 4), 10, seconds(20));
        assert_eq!(
            collected.due(),
            Some(seconds(25)),
            "a new batch, a new wait"
        );
    }

    #[test]
    fn what_was_not_written_comes_first_again_and_no_batch_is_too_large() {
        let mut collected = collected(2);
        collected.push(record(0, 1), 10, seconds(1));
        collected.push(record(0, 2), 10, seconds(1));
        let batch = collected.take(seconds(1));
        collected.push(record(0, 3), 10, seconds(2));
        collected.put_back(batch);
        assert_eq!(offsets(&collected.take(seconds(3))), [1, 2]);
        assert_eq!(collected.due(), Some(seconds(8)));
        assert_eq!(offsets(&collected.take(seconds(8))), [3]);
        assert!(collected.is_empty());
    }

    #[test]
    fn a_batch_is_full_when_it_has_enough_bytes() {
        let mut collected = Collected::new(Batching::default().with_bytes(100));
        for (offset, size) in [(1, 60), (2, 30), (3, 20), (4, 500), (5, 1)] {
            assert!(!collected.is_full() || offset > 3, "{offset}");
            collected.push(record(offset as i32 % 2, offset), size, seconds(1));
        }
        let batch = collected.take(seconds(1));
        assert_eq!(offsets(&batch), [1, 2, 3]);
        collected.put_back(batch);
        assert_eq!(offsets(&collected.take(seconds(1))), [1, 2, 3]);
        assert_eq!(offsets(&collected.take(seconds(1))), [4]);
        assert!(!collected.is_full(), "what was taken is not counted");
        collected.push(record(0, 6), 99, seconds(1));
        collected.retain(|partition| partition == 0);
        assert!(!collected.is_full(), "nor is what has moved");
        assert_eq!(offsets(&collected.take(seconds(1))), [6]);
    }

    #[test]
    fn records_of_a_partition_that_moved_are_forgotten() {
        let mut collected = collected(9);
        for (partition, offset) in [(0, 1), (1, 7), (0, 2), (1, 8)] {
            collected.push(record(partition, offset), 10, seconds(1));
        }
        collected.retain(|partition| partition != 0);
        assert_eq!(offsets(&collected.take(seconds(1))), [7, 8]);
    }

    #[test]
    fn a_batch_of_nothing_is_taken_as_one_of_one() {
        let mut collected = Collected::new(Batching::default().with_records(0).with_bytes(0));
        assert!(!collected.is_full());
        collected.push(record(0, 1), 10, seconds(1));
        assert!(collected.is_full());
        assert_eq!(collected.take(seconds(1)).len(), 1);
    }
}
