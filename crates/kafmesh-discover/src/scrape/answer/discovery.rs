//! What `kafmesh.discovery.v1` tells, the contract of kafmesh for Go: no groups besides those of
//! processors, no types, no settings.

use kafmesh_proto::discovery::v1 as proto;

use super::worker;
use crate::mesh::description::{Component, Description, Output, Processor, TopicUse};

pub(super) fn description(service: proto::Service) -> Description {
    Description {
        service: service.name,
        description: service.description,
        components: service.components.into_iter().map(component).collect(),
        ..Description::default()
    }
}

fn component(component: proto::Component) -> Component {
    Component {
        name: component.name,
        description: component.description,
        sources: uses(component.sources, |it| it.topic),
        processors: component.processors.into_iter().map(processor).collect(),
        sinks: component
            .sinks
            .into_iter()
            .map(|it| worker(it.name, it.description, topic_use(it.topic), String::new()))
            .collect(),
        views: uses(component.views, |it| it.topic),
        view_sources: component
            .view_sources
            .into_iter()
            .map(|it| worker(it.name, it.description, topic_use(it.topic), String::new()))
            .collect(),
        view_sinks: component
            .view_sinks
            .into_iter()
            .map(|it| worker(it.name, it.description, topic_use(it.topic), String::new()))
            .collect(),
    }
}

fn processor(processor: proto::Processor) -> Processor {
    Processor {
        name: processor.name,
        description: processor.description,
        group: processor.group_name,
        inputs: uses(processor.inputs, |it| it.topic),
        joins: uses(processor.joins, |it| it.topic),
        lookups: uses(processor.lookups, |it| it.topic),
        outputs: processor
            .outputs
            .into_iter()
            .map(|it| {
                let TopicUse { topic, message } = topic_use(it.topic);
                Output {
                    topic,
                    message,
                    description: it.description,
                }
            })
            .collect(),
        persistence: processor.persistence.map(|it| topic_use(it.topic)),
    }
}

fn uses<T>(told: Vec<T>, topic: impl Fn(T) -> Option<proto::TopicDefinition>) -> Vec<TopicUse> {
    told.into_iter().map(|it| topic_use(topic(it))).collect()
}

/// A missing topic becomes one without a name, which is refused when the description is checked.
fn topic_use(topic: Option<proto::TopicDefinition>) -> TopicUse {
    let proto::TopicDefinition { topic, message, .. } = topic.unwrap_or_default();
    TopicUse { topic, message }
}
