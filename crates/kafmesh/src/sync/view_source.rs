//! One sync of a view source: the user's code, then the deletes.

use std::time::Duration;

use prost::Message;

use super::schedule::limited;
use super::updates::{Changes, Counts, Updates};
use crate::codegen::ViewSourceDescriptor;
use crate::error::Result;

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
) -> Result<Counts> {
    let mut updates = Updates::new(&mut changes);
    limited(limit, async { source.sync(&mut updates).await }).await?;
    changes.acknowledged().await?;
    changes.delete_unnamed().await?;
    changes.acknowledged().await?;
    Ok(changes.counts())
}
