//! One sync of a view sink: the user's code over the whole view.

use std::time::Duration;

use prost::Message;

use super::member::Job;
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

/// A view sink on Kafka.
pub(crate) struct SinkJob<V: ViewSink> {
    pub(crate) sink: V,
    pub(crate) view: View<V::Message>,
    pub(crate) timeout: Duration,
}

impl<V: ViewSink> Job for SinkJob<V> {
    async fn sync(&mut self) -> Result<()> {
        self.view.ready().await?;
        hand_over(&mut self.sink, &self.view, Some(self.timeout)).await
    }

    /// It emits nothing.
    async fn settled(&mut self) {}

    async fn give_up(&mut self) -> Result<()> {
        Ok(())
    }
}
