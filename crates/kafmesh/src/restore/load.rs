//! Reading much of a topic into its table in bulk.

use super::{Extent, keyed};
use crate::error::{Error, Result};
use crate::kafka::{Batch, PartitionStream, Polled};
use crate::store::{CheckpointOf, Load, Table};

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

/// Reads from `start` until the end that `extent` tells of in bulk, if that is much; else nothing is read.
///
/// Entries become part of the table some megabytes at a time, each with the checkpoint behind it: a
/// crash in between leaves a table that says what it lacks.
pub(crate) async fn load(
    stream: &mut PartitionStream,
    table: &Table,
    topic: &str,
    extent: Extent,
    start: i64,
    mut tell: impl FnMut(i64),
    mut count: impl FnMut(&Batch),
) -> Result<Reached> {
    let mut reached = Reached::Record(start);
    if extent.high - start < LOAD_RECORDS {
        return Ok(reached);
    }
    let mut changes = Load::default();
    while reached.offset() < extent.high {
        match stream.next().await? {
            Polled::Records(batch) => {
                count(&batch);
                for (key, value) in keyed(&batch) {
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
async fn write(
    table: &Table,
    mut changes: Load,
    topic: &str,
    partition: i32,
    offset: i64,
) -> Result<Load> {
    let (table, topic) = (table.clone(), topic.to_owned());
    let (ending, ended) = std::sync::mpsc::channel::<()>();
    let _ended = Ended(ended);
    let written = tokio::task::spawn_blocking(move || {
        let _ending = ending;
        let of = CheckpointOf {
            topic: &topic,
            partition,
        };
        table.load(&mut changes, of, offset)?;
        Ok(changes)
    });
    written
        .await
        .unwrap_or_else(|error| Err(Error::handler(error)))
}

/// Waits for a write, also when nobody is interested any more: it must not come after those of
/// whoever has the partition next.
struct Ended(std::sync::mpsc::Receiver<()>);

impl Drop for Ended {
    fn drop(&mut self) {
        // Nothing is sent; the other end goes with the write.
        let _ = self.0.recv();
    }
}
