//! A service with a sink, a view source and a view sink, out of closures.

use std::time::Duration;

use kafmesh::codegen::v1::{
    ComponentDescriptor, ServiceDescriptor, Sink, SinkDescriptor, TopicDescriptor, TopicSettings,
    TopicUse, ViewDescriptor, ViewSinkDescriptor, ViewSourceDescriptor,
};
use kafmesh::{Result, SinkRecord};

use crate::Click;
use crate::shape::{leak, leak_all, leak_text};

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
        let uses = |name| TopicUse {
            topic: leak_text(format!("{prefix}.{name}")),
            message: name,
        };
        let group = |name| leak_text(format!("{prefix}.{name}"));
        let sink: &_ = leak(SinkDescriptor {
            name: "shipping",
            description: "",
            group: group("shipping-sink"),
            topic: uses("clicks"),
        });
        let view_source: &_ = leak(ViewSourceDescriptor {
            name: "keeping",
            description: "",
            group: group("keeping-view-source"),
            topic: uses("counts"),
        });
        let view_sink: &_ = leak(ViewSinkDescriptor {
            name: "reporting",
            description: "",
            group: group("reporting-view-sink"),
            topic: uses("counts"),
        });
        let view: &_ = leak(ViewDescriptor {
            topic: uses("counts"),
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
