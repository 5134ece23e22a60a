//! Drives a whole service: its processors and views over topics in memory.

use std::time::{Duration, SystemTime};

use prost::Message;

use crate::codegen::ServiceDescriptor;
use crate::error::{Error, Result};
use crate::memory::{Captured, Log};
use crate::service::{Bench, Registry};
use crate::source::Source;

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

    /// Virtual time: the timestamp of what sources emit from here on.
    pub fn now(&self) -> SystemTime {
        self.registry.log().map_or(SystemTime::UNIX_EPOCH, Log::now)
    }

    /// Every record of `topic` so far.
    ///
    /// # Errors
    ///
    /// When the service has no such topic, or a record is not an `M`.
    pub fn records<M: Message + Default>(&self, topic: &str) -> Result<Vec<Captured<M>>> {
        let records = self.log_of(topic)?.read(topic, 0);
        records
            .iter()
            .map(|record| Captured::decode(topic, record))
            .collect()
    }

    /// A source into `topic`: what another service writes there, or a processor that is not registered.
    ///
    /// # Errors
    ///
    /// When the service has no such topic.
    pub fn source<M: Message>(&self, topic: &str) -> Result<Source<M>> {
        Ok(Source::memory(self.log_of(topic)?.clone(), topic))
    }

    fn log_of(&self, topic: &str) -> Result<&Log> {
        let topics = self.descriptor.topics;
        self.registry
            .log()
            .filter(|_| topics.iter().any(|known| known.name == topic))
            .ok_or_else(|| {
                let known: Vec<_> = topics.iter().map(|known| known.name).collect();
                Error::handler(format!(
                    "service {} has no topic {topic}; its topics are {}",
                    self.descriptor.name,
                    known.join(", ")
                ))
            })
    }
}

impl std::fmt::Debug for ServiceTest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceTest").finish_non_exhaustive()
    }
}
