//! Bringing a local table up to date with its topic: where to start, and applying batches.
//!
//! The topic is the log, the table what it amounts to. A table of another topic (one of the same name
//! that was deleted since, or is another cluster's), or whose checkpoint the topic no longer reaches
//! (it was truncated), is rebuilt from the start.

mod load;

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::kafka::{Batch, PartitionStream, Polled, Reader, TopicId};
use crate::observe::TableProgress;
use crate::retry::retry;
use crate::store::{CheckpointOf, MAX_KEY, Table, Turn};
use load::Reached;
pub(crate) use load::{load, turn};

/// How often progress is logged.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);

/// What becomes of records whose keys are longer than the store takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LongKeys {
    /// They are left out with a warning: a copy of somebody else's topic must not stop for them.
    LeaveOut,
    /// They are an error: a processor's own state has none.
    Refuse,
}

/// What a partition of the topic holds: the first offset and the one after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) partition: i32,
    pub(crate) low: i64,
    pub(crate) high: i64,
}

/// Where to start reading each partition so that `table` becomes complete; clears a table that
/// cannot become so by reading on.
///
/// `id` is the topic's now, `None` where the broker gives none.
pub(crate) fn start_offsets(
    table: &Table,
    topic: &str,
    id: Option<TopicId>,
    extents: &[Extent],
) -> Result<Vec<i64>> {
    let copied = table.topic_id(topic)?;
    let mut starts = Vec::with_capacity(extents.len());
    let mut any = false;
    let mut lost = None;
    for extent in extents {
        let checkpoint = table.checkpoint(CheckpointOf {
            topic,
            partition: extent.partition,
        })?;
        any |= checkpoint.is_some();
        if let Some(offset) =
            checkpoint.filter(|offset| !(extent.low..=extent.high).contains(offset))
        {
            lost = Some((extent, offset));
        }
        starts.push(checkpoint.unwrap_or(extent.low));
    }
    if let Some((extent, offset)) = lost {
        tracing::warn!(
            topic,
            partition = extent.partition,
            offset,
            low = extent.low,
            high = extent.high,
            "the topic no longer holds the offset the local table stopped at; rebuilding the table"
        );
    }
    let other = any && copied != id;
    if other {
        tracing::warn!(
            topic,
            "the topic is not the one the local table was made from: it was created anew, or is another cluster's; rebuilding the table"
        );
    }
    // Entries without a checkpoint would be left-overs of an interrupted rebuild.
    let rebuilt = other || lost.is_some() || !any && copied.is_none();
    if rebuilt {
        table.clear()?;
        starts = extents.iter().map(|extent| extent.low).collect();
    }
    if let Some(id) = id.filter(|id| rebuilt || copied != Some(*id)) {
        let mut batch = table.batch();
        batch.topic_id(topic, id);
        batch.commit()?;
    }
    Ok(starts)
}

/// Applies a batch of the table's topic, with its checkpoint, in one step.
pub(crate) fn apply(table: &Table, batch: &Batch, long: LongKeys) -> Result<()> {
    let mut changes = table.batch();
    for (key, value) in keyed(batch, long) {
        changes.put(key, value)?;
    }
    if let Some(last) = batch.len().checked_sub(1) {
        changes.checkpoint(
            CheckpointOf {
                topic: batch.topic(),
                partition: batch.partition(),
            },
            batch.record(last).offset + 1,
        );
        changes.commit()?;
    }
    Ok(())
}

/// Keys and values of a batch; `None` is a delete.
fn keyed(batch: &Batch, long: LongKeys) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
    let leave_out = move |offset, problem| {
        tracing::warn!(
            topic = &**batch.topic(),
            partition = batch.partition(),
            offset,
            "a record {problem} cannot be part of a table; it is left out"
        );
        None
    };
    batch.records().filter_map(move |record| match record.key {
        None => leave_out(record.offset, "without a key"),
        Some(key) if key.len() > MAX_KEY && long == LongKeys::LeaveOut => {
            leave_out(record.offset, "with a key of more than 65534 bytes")
        }
        Some(key) => Some((key, record.value)),
    })
}

/// Applies what came next, and returns the offset before which the table has everything.
pub(crate) fn advance(table: &Table, next: &Polled, long: LongKeys) -> Result<i64> {
    match next {
        Polled::Records(batch) => {
            apply(table, batch, long)?;
            Ok(batch.record(batch.len() - 1).offset + 1)
        }
        Polled::End(end) => Ok(*end),
    }
}

/// What `partition` of `topic` holds now.
pub(crate) async fn extent(reader: &Reader, topic: &str, partition: i32) -> Result<Extent> {
    let (low, high) = retry(|| reader.watermarks(topic, partition)).await?;
    Ok(Extent {
        partition,
        low,
        high,
    })
}

/// What `partition` of `topic` holds, and where to start reading it into `table`.
async fn begin(
    reader: &Reader,
    table: &Table,
    topic: &str,
    partition: i32,
) -> Result<(Extent, i64)> {
    // Before the extent: an extent of a topic that is replaced now must not count as the new one's.
    let id = retry(|| reader.topic_id(topic)).await?;
    let extent = extent(reader, topic, partition).await?;
    table.settled().await;
    let start = start_offsets(table, topic, id, &[extent])?[0];
    Ok((extent, start))
}

/// Reads `partition` of `topic`, a changelog, into `table` until its end, and returns the offset there.
pub(crate) async fn restore(
    reader: &Reader,
    table: &Table,
    topic: &str,
    partition: i32,
    progress: &TableProgress,
) -> Result<i64> {
    let (extent, start) = begin(reader, table, topic, partition).await?;
    if start >= extent.high {
        return Ok(start);
    }
    let turn = turn(table, extent, start).await;
    let mut stream = reader.open(topic, partition, start).await?;
    let into = (table, LongKeys::Refuse);
    read_to_end(turn, &mut stream, into, topic, extent, start, progress).await
}

/// As [`restore`], for a copy of any topic, and leaves the partition open to be followed from the
/// offset returned.
pub(crate) async fn restore_and_follow(
    reader: &Reader,
    table: &Table,
    topic: &str,
    partition: i32,
    progress: &TableProgress,
) -> Result<(PartitionStream, i64)> {
    let (extent, start) = begin(reader, table, topic, partition).await?;
    let turn = turn(table, extent, start).await;
    let mut stream = reader.open(topic, partition, start).await?;
    let end = if start < extent.high {
        let into = (table, LongKeys::LeaveOut);
        read_to_end(turn, &mut stream, into, topic, extent, start, progress).await?
    } else {
        start
    };
    Ok((stream, end))
}

/// Reads from `start` until the end that `extent` tells of, or a later one.
async fn read_to_end(
    turn: Option<Turn>,
    stream: &mut PartitionStream,
    (table, long): (&Table, LongKeys),
    topic: &str,
    extent: Extent,
    start: i64,
    progress: &TableProgress,
) -> Result<i64> {
    let Extent {
        partition, high, ..
    } = extent;
    tracing::info!(topic, partition, from = start, to = high, "restoring state");
    let began = Instant::now();
    let mut told = began;
    progress.begins(start, high);
    let mut tell = |at: i64| {
        progress.reached(at);
        if told.elapsed() >= PROGRESS_EVERY {
            told = Instant::now();
            let percent = (at - start) * 100 / (high - start).max(1);
            tracing::info!(topic, partition, at, to = high, percent, "restoring state");
        }
    };
    let mut records = 0;
    let count = |batch: &Batch| records += batch.len();
    let into = (table, long);
    let mut reached = load(turn, stream, into, topic, extent, start, &mut tell, count).await?;
    loop {
        match reached {
            // A partition's new leader may not yet know that records are committed which the old
            // one acknowledged; the end is told again when it has moved.
            Reached::End(end) if end < high => {}
            Reached::End(end) => {
                // Compaction or transaction markers may lie between the last record and the end.
                let mut batch = table.batch();
                batch.checkpoint(CheckpointOf { topic, partition }, end);
                batch.commit()?;
                tracing::info!(
                    topic,
                    partition,
                    records,
                    seconds = began.elapsed().as_secs_f64(),
                    "state restored"
                );
                return Ok(end);
            }
            Reached::Record(next) => {
                tell(next);
                // A long restore must not keep its thread from other partitions.
                tokio::task::yield_now().await;
            }
        }
        table.room().await?;
        let next = stream.next().await?;
        let at = advance(table, &next, long)?;
        reached = match next {
            Polled::Records(batch) => {
                records += batch.len();
                Reached::Record(at)
            }
            Polled::End(_) => Reached::End(at),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::OwnedRecord;

    const TOPIC: &str = "g-table";

    fn record(offset: i64, key: Option<&str>, value: Option<&str>) -> OwnedRecord {
        let bytes = |text: &str| text.as_bytes().to_vec();
        OwnedRecord {
            offset,
            timestamp: 0,
            key: key.map(bytes),
            value: value.map(bytes),
            headers: Vec::new(),
        }
    }

    fn table(offset: i64) -> Table {
        let table = Table::in_memory();
        let batch = Batch::memory(
            TOPIC.into(),
            0,
            vec![record(offset - 1, Some("a"), Some("1"))],
        );
        apply(&table, &batch, LongKeys::Refuse).unwrap();
        table
    }

    fn extent(low: i64, high: i64) -> Extent {
        Extent {
            partition: 0,
            low,
            high,
        }
    }

    #[test]
    fn a_table_is_read_on_from_its_checkpoint() {
        for (low, high) in [(0, 5), (0, 9), (5, 9)] {
            let table = table(5);
            assert_eq!(
                start_offsets(&table, TOPIC, None, &[extent(low, high)]).unwrap(),
                [5]
            );
            assert!(table.get(b"a").unwrap().is_some());
        }
    }

    #[test]
    fn a_table_the_topic_does_not_reach_is_rebuilt() {
        for (low, high) in [(0, 4), (0, 0), (6, 9)] {
            let table = table(5);
            assert_eq!(
                start_offsets(&table, TOPIC, None, &[extent(low, high)]).unwrap(),
                [low],
                "{low}..{high}"
            );
            assert!(table.get(b"a").unwrap().is_none());
        }
    }

    #[test]
    fn a_table_of_another_topic_is_rebuilt() {
        let (old, new) = (TopicId([1; 16]), TopicId([2; 16]));
        let start = |table: &Table, id| {
            let starts = start_offsets(table, TOPIC, id, &[extent(0, 9)]).unwrap();
            (starts[0], table.topic_id(TOPIC).unwrap())
        };
        // Made without knowing of which topic, then known.
        let table = table(5);
        assert_eq!(start(&table, None), (5, None));
        assert_eq!(start(&table, Some(old)), (0, Some(old)));
        assert!(table.get(b"a").unwrap().is_none());
        let batch = Batch::memory(TOPIC.into(), 0, vec![record(6, Some("a"), Some("1"))]);
        apply(&table, &batch, LongKeys::Refuse).unwrap();
        assert_eq!(start(&table, Some(old)), (7, Some(old)));
        assert_eq!(start(&table, Some(new)), (0, Some(new)));
        assert!(table.get(b"a").unwrap().is_none());
        // Nothing was read since.
        assert_eq!(start(&table, Some(new)), (0, Some(new)));
    }

    #[test]
    fn one_lost_partition_rebuilds_the_whole_table() {
        let table = table(5);
        let other = Extent {
            partition: 1,
            low: 2,
            high: 3,
        };
        assert_eq!(
            start_offsets(&table, TOPIC, None, &[extent(0, 4), other]).unwrap(),
            [0, 2]
        );
    }

    #[test]
    fn batches_set_delete_and_leave_out_records_without_key() {
        let table = Table::in_memory();
        let records = vec![
            record(3, Some("a"), Some("1")),
            record(4, None, Some("lost")),
            record(6, Some("b"), Some("2")),
            record(7, Some("a"), None),
        ];
        let batch = Batch::memory(TOPIC.into(), 0, records);
        apply(&table, &batch, LongKeys::Refuse).unwrap();
        assert!(table.get(b"a").unwrap().is_none());
        assert_eq!(table.get(b"b").unwrap().unwrap().as_ref(), b"2");
        assert_eq!(
            table
                .checkpoint(CheckpointOf {
                    topic: TOPIC,
                    partition: 0
                })
                .unwrap(),
            Some(8)
        );
    }

    #[test]
    fn a_key_that_is_too_long_stops_state_but_not_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        let store = crate::store::Store::open(dir.path()).unwrap();
        let table = store.table("t-0").unwrap();
        let long = "k".repeat(MAX_KEY + 1);
        let records = vec![
            record(3, Some("a"), Some("1")),
            record(4, Some(&long), Some("2")),
            record(5, Some(&long[1..]), Some("3")),
        ];
        let batch = Batch::memory(TOPIC.into(), 0, records);
        assert!(apply(&table, &batch, LongKeys::Refuse).is_err());
        assert_eq!(table.iter().count(), 0);
        apply(&table, &batch, LongKeys::LeaveOut).unwrap();
        assert_eq!(table.iter().count(), 2);
    }
}
