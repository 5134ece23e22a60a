//! A service with a sink, a view source and a view sink, out of closures.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::Duration;

use kafmesh::codegen::v1::{
    ComponentDescriptor, ServiceDescriptor, Sink, SinkDescriptor, TopicDescriptor, TopicSettings,
    TopicUse, ViewDescriptor, ViewSink, ViewSinkDescriptor, ViewSource, ViewSourceDescriptor,
};
use kafmesh::{Error, Result, SinkRecord, Updates, View};
use prost::Message;

use crate::shape::{leak, leak_all, leak_text};
use crate::{Click, Count};

/// The descriptors of a service that ships `clicks` and keeps `counts`.
#[derive(Debug, Clone, Copy)]
pub struct Parts {
    /// The service.
    pub service: &'static ServiceDescriptor,
    /// Its component.
    pub component: &'static ComponentDescriptor,
    /// Ships `clicks`.
    pub sink: &'static SinkDescriptor,
    /// Keeps `counts`, which are compacted.
    pub view_source: &'static ViewSourceDescriptor,
    /// Hands `counts` over.
    pub view_sink: &'static ViewSinkDescriptor,
    /// Of `counts`.
    pub view: &'static ViewDescriptor,
}

impl Parts {
    /// With `prefix` in front of every topic and group; leaks them, as generated ones are statics.
    pub fn new(prefix: &str, partitions: i32) -> Self {
        let create = |name, compact| TopicDescriptor {
            name: leak_text(format!("{prefix}.{name}")),
            settings: Some(TopicSettings {
                partitions,
                replication: 1,
                compact,
                retention_ms: 86_400_000,
                segment_ms: 43_200_000,
            }),
            expected_partitions: None,
        };
        let uses = |name, message_type| TopicUse {
            topic: leak_text(format!("{prefix}.{name}")),
            message: name,
            message_type,
        };
        let group = |name| leak_text(format!("{prefix}.{name}"));
        let sink: &_ = leak(SinkDescriptor {
            name: "shipping",
            description: "",
            group: group("shipping-sink"),
            topic: uses("clicks", "tests.Click"),
        });
        let view_source: &_ = leak(ViewSourceDescriptor {
            name: "keeping",
            description: "",
            group: group("keeping-view-source"),
            topic: uses("counts", "tests.Count"),
        });
        let view_sink: &_ = leak(ViewSinkDescriptor {
            name: "reporting",
            description: "",
            group: group("reporting-view-sink"),
            topic: uses("counts", "tests.Count"),
        });
        let view: &_ = leak(ViewDescriptor {
            topic: uses("counts", "tests.Count"),
        });
        let component: &_ = leak(ComponentDescriptor {
            name: "parts",
            description: "",
            sources: &[],
            processors: &[],
            views: leak_all([view]),
            sinks: leak_all([sink]),
            view_sources: leak_all([view_source]),
            view_sinks: leak_all([view_sink]),
        });
        let service = leak(ServiceDescriptor {
            name: leak_text(prefix.to_owned()),
            description: "",
            topics: leak_all([create("clicks", false), create("counts", true)]),
            components: leak_all([component]),
            files: b"",
        });
        Self {
            service,
            component,
            sink,
            view_source,
            view_sink,
            view,
        }
    }
}

/// A sink that calls a function per batch, after a pause.
pub struct Ship<F> {
    /// What it is.
    pub descriptor: &'static SinkDescriptor,
    /// How long a write takes.
    pub pause: Duration,
    /// Takes the batch.
    pub write: F,
}

impl<F> Sink for Ship<F>
where
    F: FnMut(&[SinkRecord<Click>]) -> Result<()> + Send + 'static,
{
    type Message = Click;

    fn descriptor(&self) -> &'static SinkDescriptor {
        self.descriptor
    }

    async fn write(&mut self, batch: &[SinkRecord<Click>]) -> Result<()> {
        tokio::time::sleep(self.pause).await;
        (self.write)(batch)
    }
}

/// What a sync of a view source names, and how it ends.
#[derive(Debug, Clone)]
pub struct Plan<M> {
    /// Named in this order.
    pub entries: Vec<(String, M)>,
    /// How it ends after that.
    pub ending: Ending,
}

/// How a sync ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In order.
    Done,
    /// With an error.
    Fail,
    /// With a panic.
    Panic,
    /// Not at all.
    Hang,
}

impl Ending {
    async fn reach(self) -> Result<()> {
        match self {
            Self::Done => Ok(()),
            Self::Fail => Err(Error::handler("the other system is closed")),
            Self::Panic => panic!("the other system burns"),
            Self::Hang => std::future::pending().await,
        }
    }
}

/// A view source that asks a function what to name at each sync.
pub struct Keep<M, F> {
    descriptor: &'static ViewSourceDescriptor,
    plan: F,
    message: PhantomData<fn() -> M>,
}

impl<M, F: FnMut() -> Plan<M>> Keep<M, F> {
    /// `plan` as the syncs of `descriptor`.
    pub fn new(descriptor: &'static ViewSourceDescriptor, plan: F) -> Self {
        Self {
            descriptor,
            plan,
            message: PhantomData,
        }
    }
}

impl<M, F> ViewSource for Keep<M, F>
where
    M: Message + Default + PartialEq + 'static,
    F: FnMut() -> Plan<M> + Send + 'static,
{
    type Message = M;

    fn descriptor(&self) -> &'static ViewSourceDescriptor {
        self.descriptor
    }

    async fn sync(&mut self, updates: &mut Updates<'_, M>) -> Result<()> {
        let plan = (self.plan)();
        for (key, message) in &plan.entries {
            updates.update(key, message).await?;
        }
        plan.ending.reach().await
    }
}

/// A view sink that shows a function what it is given, and asks how to end.
pub struct Report<F> {
    /// What it is.
    pub descriptor: &'static ViewSinkDescriptor,
    /// Takes the whole view.
    pub report: F,
}

impl<F> ViewSink for Report<F>
where
    F: FnMut(BTreeMap<String, u64>) -> Ending + Send + 'static,
{
    type Message = Count;

    fn descriptor(&self) -> &'static ViewSinkDescriptor {
        self.descriptor
    }

    async fn sync(&mut self, view: &View<Count>) -> Result<()> {
        let counts = view
            .iter()?
            .map(|entry| entry.map(|(key, count)| (key, count.count)));
        let counts = counts.collect::<Result<_>>()?;
        (self.report)(counts).reach().await
    }
}
