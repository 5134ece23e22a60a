//! The records of one partition: appended batches, their offsets, and what producers sent so far.

use std::collections::{HashMap, VecDeque};

use tansu_sans_io::ErrorCode;
use tansu_sans_io::record::deflated::Batch;
use tansu_sans_io::record::inflated;

/// How many batches of one producer are remembered to recognise a repeated one: what Kafka keeps
/// (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`), and so the most a producer may have in flight.
const REMEMBERED_BATCHES: usize = 5;

/// A log in memory.
///
/// Batches stay as the producer encoded them; only their base offset is set, which their checksum
/// does not cover.
#[derive(Debug, Default)]
pub(super) struct PartitionLog {
    batches: VecDeque<Batch>,
    bytes: usize,
    start: i64,
    end: i64,
    producers: HashMap<i64, ProducerState>,
}

#[derive(Debug)]
struct ProducerState {
    epoch: i16,
    /// Base sequence and base offset of the latest batches, and the sequence that follows them.
    batches: VecDeque<(i32, i64)>,
    next: i32,
}

impl PartitionLog {
    /// The first offset still held.
    pub(super) fn start(&self) -> i64 {
        self.start
    }

    /// The offset the next record gets: the high watermark, as there is one replica.
    pub(super) fn end(&self) -> i64 {
        self.end
    }

    /// Appends a batch and returns its base offset; that of the first try when it is a repetition.
    ///
    /// # Errors
    /// Kafka's error for a batch out of order or of a producer that was replaced.
    pub(super) fn append(&mut self, mut batch: Batch) -> Result<i64, ErrorCode> {
        let idempotent = batch.producer_id >= 0;
        if idempotent && let Some(offset) = self.check_sequence(&batch)? {
            return Ok(offset);
        }
        let offset = self.end;
        batch.base_offset = offset;
        batch.partition_leader_epoch = 0;
        self.end += i64::from(batch.last_offset_delta) + 1;
        self.bytes += batch.record_data.len();
        if idempotent {
            self.remember(&batch, offset);
        }
        self.batches.push_back(batch);
        Ok(offset)
    }

    /// `Some(offset)` when the batch was appended before.
    fn check_sequence(&self, batch: &Batch) -> Result<Option<i64>, ErrorCode> {
        let Some(known) = self.producers.get(&batch.producer_id) else {
            return Ok(None);
        };
        if batch.producer_epoch < known.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        if batch.producer_epoch > known.epoch {
            return if batch.base_sequence == 0 {
                Ok(None)
            } else {
                Err(ErrorCode::OutOfOrderSequenceNumber)
            };
        }
        if let Some((_, offset)) = known
            .batches
            .iter()
            .find(|(sequence, _)| *sequence == batch.base_sequence)
        {
            return Ok(Some(*offset));
        }
        if batch.base_sequence == known.next {
            Ok(None)
        } else {
            Err(ErrorCode::OutOfOrderSequenceNumber)
        }
    }

    fn remember(&mut self, batch: &Batch, offset: i64) {
        let state = self
            .producers
            .entry(batch.producer_id)
            .or_insert_with(|| ProducerState {
                epoch: batch.producer_epoch,
                batches: VecDeque::new(),
                next: 0,
            });
        if state.epoch != batch.producer_epoch {
            state.epoch = batch.producer_epoch;
            state.batches.clear();
        }
        state.batches.push_back((batch.base_sequence, offset));
        if state.batches.len() > REMEMBERED_BATCHES {
            state.batches.pop_front();
        }
        // Sequences are 31 bits and wrap to 0 (KIP-98).
        let next = (i64::from(batch.base_sequence) + i64::from(batch.last_offset_delta) + 1)
            % (i64::from(i32::MAX) + 1);
        state.next = i32::try_from(next).unwrap_or(0);
    }

    /// The batches from the one that holds `offset`, up to `max_bytes` but at least one.
    ///
    /// The first batch may begin before `offset`: clients drop what they did not ask for, as with
    /// Kafka.
    ///
    /// # Errors
    /// `OffsetOutOfRange` when the offset lies outside the log.
    pub(super) fn read(&self, offset: i64, max_bytes: usize) -> Result<Vec<Batch>, ErrorCode> {
        if offset < self.start || offset > self.end {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let first = self
            .batches
            .partition_point(|batch| last_offset(batch) < offset);
        let mut found = Vec::new();
        let mut bytes = 0;
        for batch in self.batches.range(first..) {
            bytes += batch.record_data.len();
            if bytes > max_bytes && !found.is_empty() {
                break;
            }
            found.push(batch.clone());
        }
        Ok(found)
    }

    /// The first record whose timestamp is at least `timestamp` (milliseconds): its offset and time.
    pub(super) fn find_time(&self, timestamp: i64) -> Option<(i64, i64)> {
        let batch = self
            .batches
            .iter()
            .find(|batch| batch.max_timestamp >= timestamp)?;
        let within = inflated::Batch::try_from(batch).ok().and_then(|inflated| {
            inflated.records.iter().find_map(|record| {
                let time = inflated.base_timestamp + record.timestamp_delta;
                (time >= timestamp)
                    .then(|| (batch.base_offset + i64::from(record.offset_delta), time))
            })
        });
        Some(within.unwrap_or((batch.base_offset, batch.base_timestamp)))
    }

    /// Drops the oldest batches until at most `bytes` are held.
    pub(super) fn truncate(&mut self, bytes: usize) {
        while self.bytes > bytes
            && self.batches.len() > 1
            && let Some(batch) = self.batches.pop_front()
        {
            self.bytes -= batch.record_data.len();
            self.start = last_offset(&batch) + 1;
        }
    }
}

fn last_offset(batch: &Batch) -> i64 {
    batch.base_offset + i64::from(batch.last_offset_delta)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(producer: i64, epoch: i16, sequence: i32, records: i32) -> Batch {
        Batch {
            producer_id: producer,
            producer_epoch: epoch,
            base_sequence: sequence,
            last_offset_delta: records - 1,
            record_count: records.unsigned_abs(),
            record_data: vec![0; 10].into(),
            ..Batch::default()
        }
    }

    #[test]
    fn a_read_inside_a_batch_gets_that_batch() {
        let mut log = PartitionLog::default();
        for _ in 0..3 {
            log.append(batch(-1, -1, -1, 10)).unwrap();
        }
        let offsets = |offset| {
            log.read(offset, usize::MAX).map(|found| {
                found
                    .iter()
                    .map(|batch| batch.base_offset)
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(offsets(0), Ok(vec![0, 10, 20]));
        assert_eq!(offsets(15), Ok(vec![10, 20]));
        assert_eq!(offsets(20), Ok(vec![20]));
        assert_eq!(offsets(30), Ok(vec![]));
        assert_eq!(offsets(31), Err(ErrorCode::OffsetOutOfRange));
        assert_eq!(log.end(), 30);
    }

    #[test]
    fn at_least_one_batch_is_read_whatever_the_limit() {
        let mut log = PartitionLog::default();
        for _ in 0..3 {
            log.append(batch(-1, -1, -1, 1)).unwrap();
        }
        assert_eq!(log.read(0, 1).unwrap().len(), 1);
        assert_eq!(log.read(0, 20).unwrap().len(), 2);
    }

    #[test]
    fn a_repeated_batch_is_appended_once() {
        let mut log = PartitionLog::default();
        assert_eq!(log.append(batch(7, 0, 0, 3)), Ok(0));
        assert_eq!(log.append(batch(7, 0, 3, 2)), Ok(3));
        assert_eq!(log.append(batch(7, 0, 0, 3)), Ok(0));
        assert_eq!(log.append(batch(7, 0, 3, 2)), Ok(3));
        assert_eq!(log.end(), 5);
        assert_eq!(
            log.append(batch(7, 0, 9, 1)),
            Err(ErrorCode::OutOfOrderSequenceNumber)
        );
        assert_eq!(log.append(batch(7, 1, 0, 1)), Ok(5));
        assert_eq!(
            log.append(batch(7, 0, 5, 1)),
            Err(ErrorCode::InvalidProducerEpoch)
        );
    }

    #[test]
    fn sequences_wrap() {
        let mut log = PartitionLog::default();
        log.append(batch(7, 0, i32::MAX - 1, 2)).unwrap();
        assert_eq!(log.append(batch(7, 0, 0, 1)), Ok(2));
    }

    #[test]
    fn truncation_moves_the_start() {
        let mut log = PartitionLog::default();
        for _ in 0..5 {
            log.append(batch(-1, -1, -1, 2)).unwrap();
        }
        log.truncate(20);
        assert_eq!((log.start(), log.end()), (6, 10));
        assert_eq!(log.read(5, 100), Err(ErrorCode::OffsetOutOfRange));
        log.truncate(0);
        assert_eq!(log.start(), 8, "the last batch stays");
    }
}
