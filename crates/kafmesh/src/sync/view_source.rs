//! One sync of a view source: the user's code, then the deletes.

use std::sync::Arc;
use std::time::Duration;

use prost::Message;

use super::member::Job;
use super::schedule::limited;
use super::updates::{Changes, Out, Reconciled, Updates};
use crate::codegen::ViewSourceDescriptor;
use crate::error::Result;
use crate::global::GlobalTable;
use crate::kafka::{Cluster, Lane, OutTopic, Producer};
use crate::observe::Observed;

/// A view source as generated code implements it: names the topic and calls the user's `sync`.
pub trait ViewSource: Send + 'static {
    /// What the topic holds.
    type Message: Message + Default + PartialEq + 'static;

    /// What it is.
    fn descriptor(&self) -> &'static ViewSourceDescriptor;

    /// Names every entry of the external data set.
    fn sync(
        &mut self,
        updates: &mut Updates<'_, Self::Message>,
    ) -> impl Future<Output = Result<()>> + Send;
}

/// Makes the topic equal to what `source` names, which it may take `limit` for. If that fails,
/// nothing is deleted; nor is it before every update is acknowledged.
pub(crate) async fn reconcile<V: ViewSource>(
    source: &mut V,
    mut changes: Changes,
    limit: Option<Duration>,
) -> Result<Reconciled> {
    let mut updates = Updates::new(&mut changes);
    let named = limited(limit, async { source.sync(&mut updates).await }).await;
    // Even if it failed: the next sync is compared with what has arrived.
    let arrived = changes.acknowledged().await;
    named.and(arrived)?;
    changes.delete_unnamed().await?;
    changes.acknowledged().await?;
    Ok(changes.counts())
}

/// A view source on Kafka.
pub(crate) struct SourceJob<V: ViewSource> {
    pub(crate) source: V,
    /// The local copy of the topic.
    pub(crate) table: GlobalTable,
    pub(crate) cluster: Cluster,
    /// Nobody else's: what it holds can be given up.
    pub(crate) producer: Producer,
    /// Counts what the last sync has emitted.
    pub(crate) emitted: Arc<Lane>,
    pub(crate) topic: OutTopic,
    pub(crate) timeout: Duration,
    pub(crate) observed: Observed,
}

impl<V: ViewSource> Job for SourceJob<V> {
    async fn sync(&mut self) -> Result<()> {
        // What another process, or the last sync, has written meanwhile would be compared with old
        // contents otherwise.
        self.table.catch_up(&self.cluster).await?;
        // A lane that has failed stays failed.
        self.emitted = self.producer.lane().into();
        let out = Out::Kafka {
            producer: self.producer.clone(),
            lane: Arc::clone(&self.emitted),
            topic: self.topic,
        };
        let changes = Changes::new(self.table.entries().table().clone(), out);
        let counts = reconcile(&mut self.source, changes, Some(self.timeout)).await?;
        let Reconciled {
            updated,
            unchanged,
            deleted,
        } = counts;
        self.observed.counts.updates.add(updated as u64);
        self.observed.counts.deletes.add(deleted as u64);
        let topic = self.table.entries().topic();
        tracing::info!(
            topic,
            updated,
            unchanged,
            deleted,
            "the topic equals its source"
        );
        Ok(())
    }

    async fn settled(&mut self) {
        self.emitted.settled().await;
    }

    async fn give_up(&mut self) -> Result<()> {
        self.producer.purge().await
    }
}
