//! What a process runs: generated code registers processors here and gets its handles from here.

mod parts;

use std::collections::BTreeMap;
use std::sync::Arc;

use prost::Message;
use tracing::{Instrument as _, Span};

use super::describe::Registered;
use super::memory::Bench;
use super::running::Running;
use super::topics;
use crate::codegen::{
    ComponentDescriptor, ProcessorDescriptor, ServiceDescriptor, SourceDescriptor, ViewDescriptor,
};
use crate::config::Config;
use crate::error::{Error, Result, TopicProblem};
use crate::global::GlobalTable;
use crate::halt::Halt;
use crate::kafka::{Cluster, Producer, Reader};
use crate::memory::Log;
use crate::observe::{Counts, Id, Kind, Object, Observed, Observer};
use crate::processor::{JoinReader, JoinStorage, Member, Processor, Storage};
use crate::source::Source;
use crate::store::Store;
use crate::view::View;
use crate::watch::{Hub, Watching};

/// Takes what a process wants to run, over Kafka or in memory.
pub struct Registry {
    service: &'static ServiceDescriptor,
    /// All of it, for who asks what this process is.
    registered: Registered,
    /// By consumer group, which is unique in a service.
    processors: BTreeMap<&'static str, RegisteredProcessor>,
    /// Sinks, view sources and view sinks, by consumer group as well.
    parts: BTreeMap<&'static str, Part>,
    end: End,
}

struct RegisteredProcessor {
    title: String,
    descriptor: &'static ProcessorDescriptor,
}

/// What uses one topic.
struct Part {
    title: String,
    topic: &'static str,
}

enum End {
    Kafka(Box<Kafka>),
    Memory(Bench),
}

/// The Kafka side of a registry.
pub(crate) struct Kafka {
    pub(crate) config: Config,
    pub(crate) cluster: Cluster,
    /// Of every source.
    pub(crate) producer: Producer,
    /// Of every topic in the cluster.
    pub(crate) partitions: BTreeMap<String, i32>,
    pub(crate) halt: Halt,
    /// Tables of views that run already; processors join them when the service runs.
    pub(crate) running: Running,
    store: Option<Store>,
    /// Reads the topics of global tables. A reader reads a partition once at a time, and such a topic
    /// may be a changelog, or joined, so restores have another, and so has each processor with joins.
    follow_reader: Option<Reader>,
    restore_reader: Option<Reader>,
    global_tables: BTreeMap<&'static str, GlobalTable>,
    /// What the sources count that were asked for, by component and topic.
    sources: BTreeMap<(&'static str, &'static str), Arc<Counts>>,
    members: Vec<Start>,
    observer: Observer,
    watching: Watching,
}

/// Starts a registered processor.
type Start = Box<dyn FnOnce(&mut Kafka) -> Result<()> + Send>;

impl Registry {
    pub(crate) fn in_memory(service: &'static ServiceDescriptor, bench: Bench) -> Self {
        Self {
            service,
            registered: Registered::default(),
            processors: BTreeMap::new(),
            parts: BTreeMap::new(),
            end: End::Memory(bench),
        }
    }

    pub(crate) fn on_kafka(
        service: &'static ServiceDescriptor,
        registered: Registered,
        kafka: Kafka,
    ) -> Self {
        Self {
            service,
            registered,
            processors: BTreeMap::new(),
            parts: BTreeMap::new(),
            end: End::Kafka(Box::new(kafka)),
        }
    }

    pub(crate) fn bench(&mut self) -> Option<&mut Bench> {
        match &mut self.end {
            End::Memory(bench) => Some(bench),
            End::Kafka(_) => None,
        }
    }

    pub(crate) fn log(&self) -> Option<&Log> {
        match &self.end {
            End::Memory(bench) => Some(&bench.log),
            End::Kafka(_) => None,
        }
    }

    /// Runs `processor` in this process.
    ///
    /// # Errors
    ///
    /// [`Error::Registered`] the second time.
    pub fn register_processor<P: Processor>(
        &mut self,
        component: &'static ComponentDescriptor,
        processor: P,
    ) -> Result<()> {
        let descriptor = processor.descriptor();
        let title = descriptor.title(component);
        if self.processors.contains_key(descriptor.group) {
            return Err(Error::Registered { object: title });
        }
        match &mut self.end {
            End::Memory(bench) => bench.add_processor(processor),
            End::Kafka(kafka) => {
                let title = title.clone();
                // Whoever may ask once the port answers finds it there.
                let hub = kafka.watching.add(component, descriptor);
                kafka.members.push(Box::new(move |kafka| {
                    kafka.start_processor(component, title, processor, hub)
                }));
            }
        }
        self.processors
            .insert(descriptor.group, RegisteredProcessor { title, descriptor });
        self.registered
            .add(Kind::Processor, component.name, descriptor.group);
        Ok(())
    }

    /// The source's handle.
    pub fn source<M: Message>(
        &mut self,
        component: &'static ComponentDescriptor,
        source: &'static SourceDescriptor,
    ) -> Source<M> {
        let name = source.topic.topic;
        self.registered.add(Kind::Source, component.name, name);
        match &mut self.end {
            End::Memory(bench) => Source::memory(bench.log.clone(), name),
            End::Kafka(kafka) => {
                // A source's topic is one of the service's own, so its count is known since the connect.
                let declared = self
                    .service
                    .settings(name)
                    .map_or(1, |settings| settings.partitions);
                let count = kafka.partitions.get(name).copied().unwrap_or(declared);
                let counts = kafka.source_counts(component, source);
                Source::kafka(kafka.producer.clone(), name, count, counts)
            }
        }
    }

    /// The view's handle; the view starts to follow its topic at once.
    ///
    /// # Errors
    ///
    /// When the topic does not exist, or the local store cannot be opened.
    pub fn view<M: Message + Default>(
        &mut self,
        component: &'static ComponentDescriptor,
        view: &'static ViewDescriptor,
    ) -> Result<View<M>> {
        let name = view.topic.topic;
        let table = match &mut self.end {
            End::Memory(bench) => GlobalTable::in_memory(name, bench.table(name)),
            End::Kafka(kafka) => {
                let used_by = || format!("a view of component {}", component.name);
                let table = kafka.global_table(name, used_by)?;
                let name = view.topic.message;
                kafka.observe(component, Kind::View, name, table.observed(), &[]);
                table
            }
        };
        self.registered
            .add(Kind::View, component.name, view.topic.topic);
        Ok(View::new(table))
    }

    /// Starts every registered processor, after checking the topics of all of them.
    pub(crate) fn start(self) -> Result<Kafka> {
        let End::Kafka(mut kafka) = self.end else {
            return Err(Error::handler(
                "a service in memory is driven by its test, it does not run",
            ));
        };
        let used = self
            .processors
            .values()
            .map(|registered| (registered.title.as_str(), registered.descriptor));
        let parts = self.parts.values();
        let parts = parts.map(|part| (part.title.as_str(), part.topic));
        topics::check(used, parts, &kafka.partitions)?;
        for start in std::mem::take(&mut kafka.members) {
            start(&mut kafka)?;
        }
        Ok(*kafka)
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("service", &self.service.name)
            .finish_non_exhaustive()
    }
}

impl Kafka {
    pub(crate) fn new(
        config: Config,
        cluster: Cluster,
        partitions: BTreeMap<String, i32>,
        observer: Observer,
        watching: Watching,
    ) -> Result<Self> {
        Ok(Self {
            producer: cluster.producer(observer.service())?,
            halt: Halt::default(),
            running: Running::default(),
            store: None,
            follow_reader: None,
            restore_reader: None,
            global_tables: BTreeMap::new(),
            sources: BTreeMap::new(),
            members: Vec::new(),
            config,
            cluster,
            partitions,
            observer,
            watching,
        })
    }

    /// What the log lines of an object have in common. Spans of the highest level: those of a lower
    /// one are missing where a filter lets only errors through.
    fn span(&self, component: &ComponentDescriptor, kind: Kind, name: &'static str) -> Span {
        tracing::error_span!(
            "object",
            service = self.observer.service(),
            component = component.name,
            kind = kind.name(),
            object = name,
        )
    }

    /// Lets `observed` be seen from outside.
    fn observe(
        &self,
        component: &'static ComponentDescriptor,
        kind: Kind,
        name: &'static str,
        observed: &Observed,
        lookups: &[GlobalTable],
    ) {
        let lookups = lookups.iter().map(|table| table.observed().clone());
        self.observer.add(Object {
            id: Id {
                component: component.name,
                kind,
                name,
            },
            observed: observed.clone(),
            lookups: lookups.collect(),
        });
    }

    /// What a source counts; every handle of it counts into the same.
    fn source_counts(
        &mut self,
        component: &'static ComponentDescriptor,
        source: &'static SourceDescriptor,
    ) -> Arc<Counts> {
        let topic = source.topic.topic;
        let place = (component.name, topic);
        if let Some(counts) = self.sources.get(&place) {
            return Arc::clone(counts);
        }
        let observed = Observed::new(Counts::new([], [topic]));
        let (kind, name) = (Kind::Source, source.topic.message);
        self.observe(component, kind, name, &observed, &[]);
        self.sources.insert(place, Arc::clone(&observed.counts));
        observed.counts
    }

    /// Writes local tables to disk, so that the next start need not read their topics again.
    pub(crate) fn flush_store(&self) -> impl Future<Output = Result<()>> + Send + use<> {
        let store = self.store.clone();
        let flush = move || store.as_ref().map_or(Ok(()), Store::flush);
        async {
            tokio::task::spawn_blocking(flush)
                .await
                .unwrap_or_else(|error| Err(Error::handler(error)))
        }
    }

    /// The local store, opened when it is needed first.
    fn store(&mut self) -> Result<Store> {
        made_once(&mut self.store, || Store::open(&self.config.state_dir))
    }

    /// The table of all of `topic`, which is followed from when it is asked for first.
    fn global_table(
        &mut self,
        topic: &'static str,
        used_by: impl FnOnce() -> String,
    ) -> Result<GlobalTable> {
        if let Some(table) = self.global_tables.get(topic) {
            return Ok(table.clone());
        }
        let Some(&partitions) = self.partitions.get(topic) else {
            return Err(Error::Topics(vec![TopicProblem::Missing {
                topic: topic.to_owned(),
                used_by: used_by(),
            }]));
        };
        let table = self.store()?.table(&format!("global-{topic}"))?;
        let reader = made_once(&mut self.follow_reader, || self.cluster.reader())?;
        let (global, follower) = GlobalTable::followed(topic, partitions, table, reader);
        let service = self.observer.service();
        let span = tracing::error_span!("table", service, topic);
        let title = follower.title();
        let run = follower.run(self.halt.clone()).instrument(span);
        self.running.spawn(title, run);
        self.global_tables.insert(topic, global.clone());
        Ok(global)
    }

    fn start_processor<P: Processor>(
        &mut self,
        component: &'static ComponentDescriptor,
        title: String,
        processor: P,
        hub: Option<Arc<Hub>>,
    ) -> Result<()> {
        let descriptor = processor.descriptor();
        let storage = match descriptor.persistence {
            Some(_) => {
                let reader = made_once(&mut self.restore_reader, || self.cluster.reader())?;
                Some(Storage {
                    store: self.store()?,
                    reader,
                })
            }
            None => None,
        };
        let joins = if descriptor.joins.is_empty() {
            None
        } else {
            let reader = JoinReader {
                reader: self.cluster.reader()?,
                cluster: self.cluster.clone(),
            };
            Some(JoinStorage {
                store: self.store()?,
                reader,
            })
        };
        let lookups = descriptor
            .lookups
            .iter()
            .map(|lookup| self.global_table(lookup.topic, || title.clone()))
            .collect::<Result<Vec<_>>>()?;
        let outputs = descriptor.outputs.iter().map(|output| &output.topic);
        let partitions = outputs
            .chain(descriptor.inputs)
            .chain(&descriptor.persistence)
            .filter_map(|topic| Some((topic.topic, *self.partitions.get(topic.topic)?)))
            .collect();
        let received = descriptor.inputs.iter().map(|input| input.topic);
        let sent = descriptor.outputs.iter().map(|output| &output.topic);
        let sent = sent.chain(&descriptor.persistence).map(|topic| topic.topic);
        let observed = Observed {
            hub,
            ..Observed::new(Counts::new(received, sent))
        };
        let (kind, name) = (Kind::Processor, descriptor.name);
        self.observe(component, kind, name, &observed, &lookups);
        let member = Member {
            processor: Arc::new(processor),
            title,
            config: self.config.clone(),
            cluster: self.cluster.clone(),
            storage,
            joins,
            lookups: lookups.into(),
            partitions,
            observed,
        };
        let span = self.span(component, kind, name);
        let title = member.title.clone();
        self.running
            .spawn(title, member.run(self.halt.clone()).instrument(span));
        Ok(())
    }
}

/// What is in `place`, made when it is needed first.
fn made_once<T: Clone>(place: &mut Option<T>, make: impl FnOnce() -> Result<T>) -> Result<T> {
    if let Some(made) = place {
        return Ok(made.clone());
    }
    let made = make()?;
    *place = Some(made.clone());
    Ok(made)
}
