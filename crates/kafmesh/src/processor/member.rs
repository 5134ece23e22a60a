//! One processor in one process: what it is made of, and what a task of a partition needs of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::core::Processor;
use super::joins::JoinReader;
use super::session::Session;
use super::tables::Tables;
use super::task::Changelog;
use super::work::LARGEST_RECORD;
use crate::config::Config;
use crate::entries::Entries;
use crate::error::{Error, Result};
use crate::global::GlobalTable;
use crate::halt::Halt;
use crate::kafka::{Cluster, Producer, Reader, TopicPartition};
use crate::observe::Observed;
use crate::retry::retry;
use crate::store::{CheckpointOf, Store, Table};
use crate::watch::Tap;

/// A processor ready to run.
pub(crate) struct Member<P: Processor> {
    pub(crate) processor: Arc<P>,
    /// As it is called in messages to people.
    pub(crate) title: String,
    pub(crate) config: Config,
    pub(crate) cluster: Cluster,
    /// When it has state.
    pub(crate) storage: Option<Storage>,
    /// When it has joins.
    pub(crate) joins: Option<JoinStorage>,
    /// In the order of the descriptor.
    pub(crate) lookups: Box<[GlobalTable]>,
    /// Partition counts of every topic it uses.
    pub(crate) partitions: BTreeMap<&'static str, i32>,
    pub(crate) observed: Observed,
}

/// Where state is kept, and what restores it.
pub(crate) struct Storage {
    pub(crate) store: Store,
    pub(crate) reader: Reader,
}

/// Where joined tables are kept, and what reads their topics.
pub(crate) struct JoinStorage {
    pub(crate) store: Store,
    pub(crate) reader: JoinReader,
}

impl<P: Processor> Member<P> {
    /// Runs until the service stops. The first failure is told at once, so that the other parts of
    /// the service stop, too, while the other partitions commit what they have done.
    pub(crate) async fn run(self, halt: Halt) -> Result<()> {
        let lived = self.live(&halt).await;
        self.observed.partitions.ended();
        lived.map_err(|error| self.stopped(error))
    }

    async fn live(&self, halt: &Halt) -> Result<()> {
        if !self.lookups_ready(halt).await {
            return Ok(());
        }
        Session::open(self)?.run(halt).await
    }

    /// Waits until every lookup is complete; whether they are before the service stops. A lookup that
    /// fails stops it, with an error of its own.
    async fn lookups_ready(&self, halt: &Halt) -> bool {
        for lookup in &self.lookups {
            tokio::select! {
                biased;
                () = halt.asked() => return false,
                ready = lookup.ready() => if ready.is_err() {
                    halt.asked().await;
                    return false;
                }
            }
        }
        true
    }

    pub(super) fn stopped(&self, error: Error) -> Error {
        Error::Stopped {
            object: self.title.clone(),
            source: Box::new(error),
        }
    }

    /// The local table of the state of `partition`, when there is state.
    pub(super) fn state_table(&self, partition: i32) -> Result<Option<Table>> {
        let descriptor = self.processor.descriptor();
        let (Some(storage), Some(persistence)) = (&self.storage, &descriptor.persistence) else {
            return Ok(None);
        };
        let name = format!("{}-{partition}", persistence.topic);
        storage.store.table(&name).map(Some)
    }

    /// Where changes of state are logged, when there is state.
    pub(super) fn changelog(&self, producer: &Producer) -> Result<Option<Changelog>> {
        let descriptor = self.processor.descriptor();
        let (Some(storage), Some(persistence)) = (&self.storage, &descriptor.persistence) else {
            return Ok(None);
        };
        Ok(Some(Changelog {
            name: persistence.topic.into(),
            topic: producer.topic(persistence.topic, self.count(persistence.topic))?,
            reader: storage.reader.clone(),
            offset: 0,
        }))
    }

    /// What records of `partition` are joined with and looked up in.
    pub(super) fn tables(&self, partition: i32) -> Result<Tables> {
        let descriptor = self.processor.descriptor();
        let joins = match &self.joins {
            Some(joins) => descriptor
                .joins
                .iter()
                .map(|join| {
                    // Of this group alone, since each group has partitions of its own.
                    let name = format!("join-{}/{}-{partition}", descriptor.group, join.topic);
                    Ok(Entries::new(join.topic, joins.store.table(&name)?))
                })
                .collect::<Result<_>>()?,
            None => Box::default(),
        };
        let lookups = self.lookups.iter().map(|lookup| lookup.entries().clone());
        Ok(Tables {
            joins,
            lookups: lookups.collect(),
        })
    }

    /// Where the local table says its input was, for a group whose offsets have expired. Only if
    /// the changelog still holds what the table has: else the table is about to be rebuilt from a
    /// changelog that knows nothing of that input.
    pub(super) async fn remembered(
        &self,
        table: &Table,
        source: &TopicPartition,
    ) -> Result<Option<i64>> {
        let persistence = &self.processor.descriptor().persistence;
        let (Some(storage), Some(persistence)) = (&self.storage, persistence) else {
            return Ok(None);
        };
        let partition = source.partition;
        let Some(input) = table.checkpoint(CheckpointOf {
            topic: &source.topic,
            partition,
        })?
        else {
            return Ok(None);
        };
        let changelog = table.checkpoint(CheckpointOf {
            topic: persistence.topic,
            partition,
        })?;
        let (low, high) = retry(|| storage.reader.watermarks(persistence.topic, partition)).await?;
        let id = retry(|| storage.reader.topic_id(persistence.topic)).await?;
        let held = table.topic_id(persistence.topic)? == id;
        Ok(changelog
            .is_some_and(|offset| held && (low..=high).contains(&offset))
            .then_some(input))
    }

    /// Where those look who watch.
    pub(super) fn tap(&self) -> Tap {
        self.observed
            .hub
            .clone()
            .map_or_else(Tap::default, Tap::new)
    }

    pub(super) fn largest_record(&self) -> usize {
        let set = self.config.kafka.get("message.max.bytes");
        set.and_then(|bytes| bytes.parse().ok())
            .unwrap_or(LARGEST_RECORD)
    }

    /// The partition count of a topic it uses.
    pub(super) fn count(&self, topic: &str) -> i32 {
        self.partitions.get(topic).copied().unwrap_or(1)
    }
}
