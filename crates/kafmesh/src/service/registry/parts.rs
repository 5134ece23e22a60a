//! Registering what runs beside the processors: sinks, view sources and view sinks.

use tracing::Instrument as _;

use super::{End, Kafka, Part, Registry};
use crate::codegen::{ComponentDescriptor, TopicUse};
use crate::error::{Error, Result};
use crate::global::GlobalTable;
use crate::observe::{Counts, Kind, Observed};
use crate::service::memory::{SinkPart, ViewSinkPart, ViewSourcePart};
use crate::sink::{self, Batching, Sink};
use crate::sync::{self, Job, Schedule, SinkJob, SourceJob, ViewSink, ViewSource};
use crate::view::View;

impl Registry {
    /// Runs `sink` in this process.
    ///
    /// # Errors
    ///
    /// [`Error::Registered`] the second time.
    pub fn register_sink<S: Sink>(
        &mut self,
        component: &'static ComponentDescriptor,
        sink: S,
        batching: Batching,
    ) -> Result<()> {
        let descriptor = sink.descriptor();
        let title = descriptor.title(component);
        self.register_part(
            component,
            Kind::Sink,
            descriptor.group,
            &descriptor.topic,
            &title,
        )?;
        match &mut self.end {
            End::Memory(bench) => {
                let part = SinkPart::new(sink, batching, bench.log.clone());
                bench.sinks.push(Box::new(part));
            }
            End::Kafka(kafka) => kafka.members.push(Box::new(move |kafka| {
                let observed = Observed::new(Counts::new([descriptor.topic.topic], []));
                kafka.observe(component, Kind::Sink, descriptor.name, &observed, &[]);
                let member = sink::Member {
                    sink,
                    title: title.clone(),
                    batching,
                    cluster: kafka.cluster.clone(),
                    observed,
                };
                let span = kafka.span(component, Kind::Sink, descriptor.name);
                let run = member.run(kafka.halt.clone()).instrument(span);
                kafka.running.spawn(title, run);
                Ok(())
            })),
        }
        Ok(())
    }

    /// Runs `source` in this process, whenever it is this one's turn.
    ///
    /// # Errors
    ///
    /// [`Error::Registered`] the second time.
    pub fn register_view_source<V: ViewSource>(
        &mut self,
        component: &'static ComponentDescriptor,
        source: V,
        schedule: Schedule,
    ) -> Result<()> {
        let descriptor = source.descriptor();
        let title = descriptor.title(component);
        self.register_part(
            component,
            Kind::ViewSource,
            descriptor.group,
            &descriptor.topic,
            &title,
        )?;
        match &mut self.end {
            End::Memory(bench) => {
                let table = bench.table(descriptor.topic.topic);
                let part = ViewSourcePart::new(source, schedule, table);
                bench.view_sources.push(Box::new(part));
            }
            End::Kafka(kafka) => kafka.members.push(Box::new(move |kafka| {
                let topic = descriptor.topic.topic;
                let table = kafka.global_table(topic, || title.clone())?;
                let partitions = kafka.partitions.get(topic).copied().unwrap_or(1);
                let observed = Observed::new(Counts::new([], []));
                let producer = kafka.cluster.producer(descriptor.group)?;
                let job = SourceJob {
                    source,
                    table: table.clone(),
                    cluster: kafka.cluster.clone(),
                    topic: producer.topic(topic, partitions)?,
                    emitted: producer.lane().into(),
                    producer,
                    timeout: schedule.timeout,
                    observed: observed.clone(),
                };
                let part = Synchronised {
                    component,
                    kind: Kind::ViewSource,
                    name: descriptor.name,
                    title,
                    group: descriptor.group,
                    topic,
                    schedule,
                };
                kafka.start_sync(part, job, &table, observed);
                Ok(())
            })),
        }
        Ok(())
    }

    /// Runs `sink` in this process, whenever it is this one's turn.
    ///
    /// # Errors
    ///
    /// [`Error::Registered`] the second time.
    pub fn register_view_sink<V: ViewSink>(
        &mut self,
        component: &'static ComponentDescriptor,
        sink: V,
        schedule: Schedule,
    ) -> Result<()> {
        let descriptor = sink.descriptor();
        let title = descriptor.title(component);
        self.register_part(
            component,
            Kind::ViewSink,
            descriptor.group,
            &descriptor.topic,
            &title,
        )?;
        let topic = descriptor.topic.topic;
        match &mut self.end {
            End::Memory(bench) => {
                let view = View::new(GlobalTable::in_memory(topic, bench.table(topic)));
                bench
                    .view_sinks
                    .push(Box::new(ViewSinkPart::new(sink, schedule, view)));
            }
            End::Kafka(kafka) => kafka.members.push(Box::new(move |kafka| {
                let table = kafka.global_table(topic, || title.clone())?;
                let observed = Observed::new(Counts::new([], []));
                let job = SinkJob {
                    sink,
                    view: View::new(table.clone()),
                    timeout: schedule.timeout,
                };
                let part = Synchronised {
                    component,
                    kind: Kind::ViewSink,
                    name: descriptor.name,
                    title,
                    group: descriptor.group,
                    topic,
                    schedule,
                };
                kafka.start_sync(part, job, &table, observed);
                Ok(())
            })),
        }
        Ok(())
    }

    fn register_part(
        &mut self,
        component: &ComponentDescriptor,
        kind: Kind,
        group: &'static str,
        topic: &TopicUse,
        title: &str,
    ) -> Result<()> {
        let title = title.to_owned();
        if self.parts.contains_key(group) {
            return Err(Error::Registered { object: title });
        }
        let topic = topic.topic;
        self.parts.insert(group, Part { title, topic });
        self.registered.add(kind, component.name, group);
        Ok(())
    }
}

/// What a view source and a view sink have in common.
struct Synchronised {
    component: &'static ComponentDescriptor,
    kind: Kind,
    name: &'static str,
    title: String,
    group: &'static str,
    topic: &'static str,
    schedule: Schedule,
}

impl Kafka {
    /// Lets `job` run, which works with `table`, and lets it be seen.
    fn start_sync<J: Job>(
        &mut self,
        part: Synchronised,
        job: J,
        table: &GlobalTable,
        observed: Observed,
    ) {
        let (component, kind, name) = (part.component, part.kind, part.name);
        self.observe(
            component,
            kind,
            name,
            &observed,
            std::slice::from_ref(table),
        );
        let span = self.span(component, kind, name);
        let member = sync::Member {
            job,
            title: part.title.clone(),
            group: part.group,
            topic: part.topic,
            schedule: part.schedule,
            cluster: self.cluster.clone(),
            observed,
        };
        let run = member.run(self.halt.clone()).instrument(span);
        self.running.spawn(part.title, run);
    }
}
