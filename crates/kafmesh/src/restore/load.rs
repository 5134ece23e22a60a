//! Reading much of a topic into its table in bulk.

use super::{Extent, LongKeys, keyed};
use crate::error::{Error, Result};
use crate::kafka::{Batch, PartitionStream, Polled};
use crate::store::{CheckpointOf, Load, Table, Turn};

/// From so many records on a table is loaded in bulk: below, syncing files takes longer than it saves.
const LOAD_RECORDS: i64 = 20_000;
/// Memory that a partition needs while it is loaded. With half of it, files are twice as many and half
/// as large, and have to be merged again.
const LOAD_BYTES: usize = 8 << 20;

/// Everything before this offset is in the table.
pub(crate) enum Reached {
    /// A record was before it.
    Record(i64),
    /// The partition ended there.
    End(i64),
}

impl Reached {
    pub(crate) fn offset(&self) -> i64 {
        match self {
            Self::Record(offset) | Self::End(offset) => *offset,
        }
    }
}

/// Waits until the partition may be read in bulk, if it is far behind; `None` if it is not.
///
/// To be called before its stream is opened, which needs memory as well.
pub(crate) async fn turn(table: &Table, extent: Extent, start: i64) -> Option<Turn> {
    if extent.high - start < LOAD_RECORDS {
        return None;
    }
    Some(table.turn().await)
}

/// Reads from `start` until the end that `extent` tells of in bulk, if it is its turn; else nothing is
/// read.
///
/// Entries become part of the table some megabytes at a time, each with the checkpoint behind it: a
/// crash in between leaves a table that says what it lacks.
#[expect(
    clippy::too_many_arguments,
    reason = "what is read, into what, and who is told"
)]
pub(crate) async fn load(
    turn: Option<Turn>,
    stream: &mut PartitionStream,
    (table, long): (&Table, LongKeys),
    topic: &str,
    extent: Extent,
    start: i64,
    mut tell: impl FnMut(i64),
    mut count: impl FnMut(&Batch),
) -> Result<Reached> {
    let mut reached = Reached::Record(start);
    let Some(_turn) = turn else {
        return Ok(reached);
    };
    let mut changes = Load::default();
    while reached.offset() < extent.high {
        match stream.next().await? {
            Polled::Records(batch) => {
                count(&batch);
                for (key, value) in keyed(&batch, long) {
                    changes.put(key, value);
                }
                reached = Reached::Record(batch.record(batch.len() - 1).offset + 1);
            }
            Polled::End(end) => reached = Reached::End(end.max(reached.offset())),
        }
        if changes.size() >= LOAD_BYTES || reached.offset() >= extent.high {
            changes = write(table, changes, topic, extent.partition, reached.offset()).await?;
        }
        tell(reached.offset());
    }
    Ok(reached)
}

/// Writes changes that end before `offset`, on a thread that may wait for the disk.
///
/// The write goes on when nobody is interested any more. It must not come after those of whoever has
/// the partition next, who waits until the table is [settled](Table::settled).
async fn write(
    table: &Table,
    mut changes: Load,
    topic: &str,
    partition: i32,
    offset: i64,
) -> Result<Load> {
    let loading = table.loading().await;
    let (table, topic) = (table.clone(), topic.to_owned());
    let written = tokio::task::spawn_blocking(move || {
        let of = CheckpointOf {
            topic: &topic,
            partition,
        };
        let written = table.load(&mut changes, of, offset);
        // The store may be opened again when the table is settled.
        drop(table);
        drop(loading);
        written.map(|()| changes)
    });
    written
        .await
        .unwrap_or_else(|error| Err(Error::handler(error)))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_write_that_is_given_up_is_waited_for_by_whoever_comes_next() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let table = store.table("t-0").unwrap();
        let Table::Disk(disk) = &table else { panic!() };
        let mut changes = Load::default();
        changes.put(b"a", Some(b"1"));
        let held = disk.hold_flushes();
        {
            let mut writing = std::pin::pin!(write(&table, changes, "t", 0, 7));
            assert!((&mut writing).now_or_never().is_none());
        }
        assert!(table.settled().now_or_never().is_none());
        drop(held);
        table.settled().await;
        let of = CheckpointOf {
            topic: "t",
            partition: 0,
        };
        assert_eq!(table.checkpoint(of).unwrap(), Some(7));
    }

    #[tokio::test]
    async fn only_some_partitions_are_read_in_bulk_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let table = store.table("t-0").unwrap();
        let turn = |records| {
            let extent = Extent {
                partition: 0,
                low: 0,
                high: records,
            };
            turn(&table, extent, 0).now_or_never()
        };
        let mut turns: Vec<_> = (0..8).map(|_| turn(LOAD_RECORDS)).collect();
        assert!(turns.iter().all(|turn| matches!(turn, Some(Some(_)))));
        assert!(turn(LOAD_RECORDS).is_none(), "the ninth waits");
        assert!(
            matches!(turn(LOAD_RECORDS - 1), Some(None)),
            "or needs none"
        );
        turns.pop();
        assert!(matches!(turn(LOAD_RECORDS), Some(Some(_))));
    }
}
