//! One sync of a view sink: the user's code over the whole view.

use std::time::Duration;

use prost::Message;

use super::schedule::limited;
use crate::codegen::ViewSinkDescriptor;
use crate::error::Result;
use crate::view::View;

/// A view sink as generated code implements it: names the topic and calls the user's `sync`.
pub trait ViewSink: Send + 'static {
    /// What the topic holds.
    type Message: Message + Default + 'static;

    /// What it is.
    fn descriptor(&self) -> &'static ViewSinkDescriptor;

    /// Hands the view, which is complete, to the external system.
    fn sync(&mut self, view: &View<Self::Message>) -> impl Future<Output = Result<()>> + Send;
}

/// Lets `sink` take the view, for which it may take `limit`.
pub(crate) async fn hand_over<V: ViewSink>(
    sink: &mut V,
    view: &View<V::Message>,
    limit: Option<Duration>,
) -> Result<()> {
    limited(limit, async { sink.sync(view).await }).await
}
