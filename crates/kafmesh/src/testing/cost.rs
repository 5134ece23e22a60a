//! The processing core by itself: records from memory, state on disk, no Kafka. Benchmarks time its
//! steps from outside; nothing else uses it.

use std::path::Path;
use std::sync::Arc;

use crate::error::Result;
use crate::kafka::{Batch, OutTopic, OwnedRecord};
use crate::processor::{LARGEST_RECORD, Processor, Tables, Work, process};
use crate::store::{CheckpointOf, Store, TableBatch};
use crate::watch::{Hub, Tap};

/// Records of one partition, as a batch of the client lends them.
pub struct Records {
    batch: Batch,
    partition: usize,
}

impl Records {
    /// A batch with the given keys and values, at `offset` and following.
    pub fn new(
        topic: &str,
        partition: usize,
        offset: i64,
        records: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
    ) -> Self {
        let owned = |(offset, (key, value))| OwnedRecord {
            offset,
            timestamp: 0,
            key: Some(key),
            value: Some(value),
            headers: Vec::new(),
        };
        let records = (offset..).zip(records).map(owned).collect();
        Self {
            batch: Batch::memory(topic.into(), partition as i32, records),
            partition,
        }
    }

    /// Their partition.
    pub fn partition(&self) -> usize {
        self.partition
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.batch.len()
    }
}

/// What every partition's task of one processor works with.
pub struct Core<P: Processor> {
    processor: P,
    changelog: OutTopic,
    partitions: Vec<Partition<P>>,
}

struct Partition<P: Processor> {
    work: Work<P::State>,
    /// Taken from the cache, not yet in the table.
    changes: Option<TableBatch>,
    handled: i64,
}

impl<P: Processor> Core<P> {
    /// Partitions without state, in a new store in `state_dir`, with `cache_bytes` of cache each.
    ///
    /// # Errors
    ///
    /// When the directory cannot be used.
    pub fn new(
        processor: P,
        partitions: usize,
        state_dir: &Path,
        cache_bytes: usize,
    ) -> Result<Self> {
        let descriptor = processor.descriptor();
        let store = Store::open(state_dir)?;
        let partitions = (0..partitions)
            .map(|partition| {
                let outputs = (0..descriptor.outputs.len() as u32)
                    .map(|index| OutTopic {
                        index,
                        partitions: 4,
                    })
                    .collect();
                let table = descriptor
                    .persistence
                    .as_ref()
                    .map(|state| store.table(&format!("{}-{partition}", state.topic)))
                    .transpose()?;
                Ok(Partition {
                    work: Work::new(
                        outputs,
                        table,
                        Tables::default(),
                        cache_bytes,
                        LARGEST_RECORD,
                    ),
                    changes: None,
                    handled: 0,
                })
            })
            .collect::<Result<_>>()?;
        let changelog = OutTopic {
            index: descriptor.outputs.len() as u32,
            partitions: 4,
        };
        Ok(Self {
            processor,
            changelog,
            partitions,
        })
    }

    /// Lets it be watched, by nobody: what every processor of a service is while nobody watches.
    #[must_use]
    pub fn watchable(mut self) -> Self {
        let descriptor = self.processor.descriptor();
        let hub = Arc::new(Hub::new(descriptor, vec![descriptor]));
        for partition in &mut self.partitions {
            partition.work.tap = Tap::new(Arc::clone(&hub));
        }
        self
    }

    /// Lets the processor handle the records, as a task does, and drops the outputs where a task
    /// would hand them to the client.
    ///
    /// # Errors
    ///
    /// What the handler returned.
    pub async fn handle(&mut self, records: &Records) -> Result<()> {
        let partition = &mut self.partitions[records.partition];
        if let Some(table) = partition.work.table() {
            table.room().await?;
        }
        let batch = &records.batch;
        for record in batch.records() {
            process(
                &self.processor,
                &mut partition.work,
                0,
                batch.topic(),
                batch.partition(),
                record,
            )
            .await?;
            partition.handled = record.offset + 1;
        }
        partition.work.tap.settle();
        partition.work.outbox.clear();
        Ok(())
    }

    /// First half of a commit: encodes a partition's changed states for the changelog, and drops
    /// those records. Returns how many there were.
    ///
    /// # Errors
    ///
    /// When a key is too long for the store.
    pub fn log_changes(&mut self, partition: usize) -> Result<usize> {
        let Partition { work, changes, .. } = &mut self.partitions[partition];
        *changes = work.take_changes(self.changelog, partition as i32, 0)?;
        let count = work.outbox.len();
        work.outbox.clear();
        Ok(count)
    }

    /// Second half of a commit: writes the changes and the offsets to the local table, in one batch.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub fn store_changes(&mut self, partition: usize) -> Result<()> {
        let descriptor = self.processor.descriptor();
        let Partition {
            changes, handled, ..
        } = &mut self.partitions[partition];
        if let Some(mut changes) = changes.take() {
            for input in descriptor.inputs.iter().chain(&descriptor.persistence) {
                changes.checkpoint(
                    CheckpointOf {
                        topic: input.topic,
                        partition: partition as i32,
                    },
                    *handled,
                );
            }
            changes.commit()?;
        }
        Ok(())
    }
}
