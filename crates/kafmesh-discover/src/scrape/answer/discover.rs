//! What `kafmesh.discover.v1` tells.

use jiff::Timestamp;
use kafmesh_proto::discover::v1 as proto;

use super::{Invalid, worker};
use crate::mesh::description::{
    Component, Description, Message, Output, Processor, Topic, TopicSettings, TopicUse,
};
use crate::mesh::pod::Instance;

pub(super) fn instance(instance: proto::Instance) -> Result<Instance, Invalid> {
    super::short("instance", &instance.name)?;
    super::short("version", &instance.kafmesh_version)?;
    let started_at = instance
        .started_at
        .map(|at| Timestamp::new(at.seconds, at.nanos).map_err(|_| Invalid::NoTime))
        .transpose()?;
    Ok(Instance {
        name: instance.name,
        kafmesh_version: instance.kafmesh_version,
        started_at,
        watch: instance.watch,
    })
}

pub(super) fn description(service: proto::Service) -> Description {
    Description {
        service: service.name,
        description: service.description,
        components: service.components.into_iter().map(component).collect(),
        messages: service
            .messages
            .into_iter()
            .map(|message| Message {
                name: message.name,
                message_type: message.r#type,
            })
            .collect(),
        topics: service
            .topics
            .into_iter()
            .map(|topic| Topic {
                name: topic.name,
                settings: topic.settings.map(settings),
            })
            .collect(),
    }
}

fn component(component: proto::Component) -> Component {
    Component {
        name: component.name,
        description: component.description,
        sources: component
            .sources
            .into_iter()
            .map(|it| topic_use(it.topic, it.message))
            .collect(),
        processors: component.processors.into_iter().map(processor).collect(),
        sinks: component
            .sinks
            .into_iter()
            .map(|it| {
                let used = topic_use(it.topic, it.message);
                worker(it.name, it.description, used, it.group_name)
            })
            .collect(),
        views: component
            .views
            .into_iter()
            .map(|it| topic_use(it.topic, it.message))
            .collect(),
        view_sources: component
            .view_sources
            .into_iter()
            .map(|it| {
                let used = topic_use(it.topic, it.message);
                worker(it.name, it.description, used, it.group_name)
            })
            .collect(),
        view_sinks: component
            .view_sinks
            .into_iter()
            .map(|it| {
                let used = topic_use(it.topic, it.message);
                worker(it.name, it.description, used, it.group_name)
            })
            .collect(),
    }
}

fn processor(processor: proto::Processor) -> Processor {
    Processor {
        name: processor.name,
        description: processor.description,
        group: processor.group_name,
        inputs: processor
            .inputs
            .into_iter()
            .map(|it| topic_use(it.topic, it.message))
            .collect(),
        joins: processor
            .joins
            .into_iter()
            .map(|it| topic_use(it.topic, it.message))
            .collect(),
        lookups: processor
            .lookups
            .into_iter()
            .map(|it| topic_use(it.topic, it.message))
            .collect(),
        outputs: processor
            .outputs
            .into_iter()
            .map(|it| Output {
                topic: it.topic,
                message: it.message,
                description: it.description,
            })
            .collect(),
        persistence: processor
            .persistence
            .map(|it| topic_use(it.topic, it.message)),
    }
}

fn topic_use(topic: String, message: String) -> TopicUse {
    TopicUse { topic, message }
}

fn settings(settings: proto::TopicSettings) -> TopicSettings {
    TopicSettings {
        partitions: settings.partitions,
        replication: settings.replication,
        compact: settings.compact,
        retention_ms: milliseconds(settings.retention.unwrap_or_default()),
        segment_ms: milliseconds(settings.segment.unwrap_or_default()),
    }
}

fn milliseconds(duration: prost_types::Duration) -> i64 {
    let whole = duration.seconds.saturating_mul(1000);
    whole.saturating_add(i64::from(duration.nanos) / 1_000_000)
}
