//! Drives a whole service: its processors and views over topics in memory.

use std::time::Duration;

use prost::Message;

use crate::codegen::ServiceDescriptor;
use crate::error::{Error, Result};
use crate::memory::Captured;
use crate::service::{Bench, Registry};

/// A service without a broker; generated code wraps it with the service's components.
pub struct ServiceTest {
    registry: Registry,
    descriptor: &'static ServiceDescriptor,
}

impl ServiceTest {
    /// A service with empty topics, at the start of virtual time.
    pub fn new(descriptor: &'static ServiceDescriptor) -> Self {
        Self {
            registry: Registry::in_memory(descriptor, Bench::new()),
            descriptor,
        }
    }

    /// What components register with.
    pub fn registry(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// Processes everything emitted so far and what that leads to, until nothing is left to do.
    /// A processor that answers each record with one for itself never gets there.
    ///
    /// # Errors
    ///
    /// What the first failing handler returned, with the record's position. That record is not
    /// processed again by a later call.
    pub async fn settle(&mut self) -> Result<()> {
        match self.registry.bench() {
            Some(bench) => bench.settle().await,
            None => Ok(()),
        }
    }

    /// Moves virtual time forward.
    pub fn advance(&mut self, by: Duration) {
        if let Some(bench) = self.registry.bench() {
            bench.log.advance(by);
        }
    }

    /// Every record of `topic` so far.
    ///
    /// # Errors
    ///
    /// When the service has no such topic, or a record is not an `M`.
    pub fn records<M: Message + Default>(&self, topic: &str) -> Result<Vec<Captured<M>>> {
        let topics = self.descriptor.topics;
        if topics.iter().all(|known| known.name != topic) {
            let known: Vec<_> = topics.iter().map(|known| known.name).collect();
            return Err(Error::handler(format!(
                "service {} has no topic {topic}; its topics are {}",
                self.descriptor.name,
                known.join(", ")
            )));
        }
        let records = self
            .registry
            .log()
            .map(|log| log.read(topic, 0))
            .unwrap_or_default();
        records
            .iter()
            .map(|record| Captured::decode(topic, record))
            .collect()
    }
}

impl std::fmt::Debug for ServiceTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceTest").finish_non_exhaustive()
    }
}
