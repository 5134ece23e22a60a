//! Descriptors and what is registered, as `kafmesh.discover.v1` tells it.

use std::collections::{BTreeMap, BTreeSet};

use kafmesh_proto::discover::v1;
use prost_types::Duration;

use super::registered::Objects;
use crate::codegen::v1::{TopicDescriptor, TopicSettings};
use crate::codegen::{ComponentDescriptor, ProcessorDescriptor, ServiceDescriptor, TopicUse};
use crate::observe::Kind;

/// What of `service` is among `registered`, and what that reads and writes.
pub(super) fn service(service: &'static ServiceDescriptor, registered: &Objects) -> v1::Service {
    let mut named = Named {
        service,
        topics: BTreeSet::new(),
        messages: BTreeMap::new(),
    };
    let components = service.components.iter();
    let components = components
        .map(|component| self::component(component, registered, &mut named))
        .filter(|component| !is_empty(component))
        .collect();
    v1::Service {
        name: service.name.to_owned(),
        description: service.description.to_owned(),
        components,
        messages: named.messages(),
        topics: named.topics(),
    }
}

/// What the described objects name.
struct Named {
    service: &'static ServiceDescriptor,
    topics: BTreeSet<&'static str>,
    /// Their types.
    messages: BTreeMap<&'static str, &'static str>,
}

impl Named {
    /// Message and topic of a use that is described.
    fn names(&mut self, used: &TopicUse) -> (String, String) {
        self.topics.insert(used.topic);
        self.messages.insert(used.message, used.message_type);
        (used.message.to_owned(), used.topic.to_owned())
    }

    /// Whether the topic is compacted, as far as this service knows.
    fn is_compact(&self, used: &TopicUse) -> bool {
        let settings = self.service.settings(used.topic);
        settings.is_some_and(|settings| settings.compact)
    }

    fn messages(&self) -> Vec<v1::Message> {
        let messages = self.messages.iter();
        let messages = messages.map(|(name, of_type)| v1::Message {
            name: (*name).to_owned(),
            r#type: (*of_type).to_owned(),
        });
        messages.collect()
    }

    fn topics(&self) -> Vec<v1::Topic> {
        let topics = self.service.topics.iter();
        let named = topics.filter(|topic| self.topics.contains(topic.name));
        named.map(topic).collect()
    }
}

fn topic(topic: &TopicDescriptor) -> v1::Topic {
    let settings = |settings: TopicSettings| v1::TopicSettings {
        partitions: settings.partitions,
        replication: settings.replication.into(),
        compact: settings.compact,
        retention: Some(duration(settings.retention_ms)),
        segment: Some(duration(settings.segment_ms)),
    };
    v1::Topic {
        name: topic.name.to_owned(),
        settings: topic.settings.map(settings),
    }
}

fn component(
    component: &ComponentDescriptor,
    registered: &Objects,
    named: &mut Named,
) -> v1::Component {
    let has = |kind, key| registered.has(kind, component.name, key);
    let sources = component.sources.iter().copied();
    let processors = component.processors.iter().copied();
    let sinks = component.sinks.iter().copied();
    let views = component.views.iter().copied();
    let view_sources = component.view_sources.iter().copied();
    let view_sinks = component.view_sinks.iter().copied();
    v1::Component {
        name: component.name.to_owned(),
        description: component.description.to_owned(),
        sources: sources
            .filter(|it| has(Kind::Source, it.topic.topic))
            .map(|it| {
                let (message, topic) = named.names(&it.topic);
                let compact = named.is_compact(&it.topic);
                v1::Source {
                    message,
                    topic,
                    compact,
                }
            })
            .collect(),
        processors: processors
            .filter(|it| has(Kind::Processor, it.group))
            .map(|it| processor(it, named))
            .collect(),
        sinks: sinks
            .filter(|it| has(Kind::Sink, it.group))
            .map(|it| {
                let (message, topic) = named.names(&it.topic);
                v1::Sink {
                    name: it.name.to_owned(),
                    description: it.description.to_owned(),
                    message,
                    topic,
                    group_name: it.group.to_owned(),
                }
            })
            .collect(),
        views: views
            .filter(|it| has(Kind::View, it.topic.topic))
            .map(|it| {
                let (message, topic) = named.names(&it.topic);
                v1::View { message, topic }
            })
            .collect(),
        view_sources: view_sources
            .filter(|it| has(Kind::ViewSource, it.group))
            .map(|it| {
                let (message, topic) = named.names(&it.topic);
                v1::ViewSource {
                    name: it.name.to_owned(),
                    description: it.description.to_owned(),
                    message,
                    topic,
                    compact: named.is_compact(&it.topic),
                    group_name: it.group.to_owned(),
                }
            })
            .collect(),
        view_sinks: view_sinks
            .filter(|it| has(Kind::ViewSink, it.group))
            .map(|it| {
                let (message, topic) = named.names(&it.topic);
                v1::ViewSink {
                    name: it.name.to_owned(),
                    description: it.description.to_owned(),
                    message,
                    topic,
                    group_name: it.group.to_owned(),
                }
            })
            .collect(),
    }
}

fn processor(processor: &ProcessorDescriptor, named: &mut Named) -> v1::Processor {
    v1::Processor {
        name: processor.name.to_owned(),
        description: processor.description.to_owned(),
        group_name: processor.group.to_owned(),
        inputs: uses(processor.inputs, named, |(message, topic)| v1::Input {
            message,
            topic,
        }),
        joins: uses(processor.joins, named, |(message, topic)| v1::Join {
            message,
            topic,
        }),
        lookups: uses(processor.lookups, named, |(message, topic)| v1::Lookup {
            message,
            topic,
        }),
        outputs: processor
            .outputs
            .iter()
            .map(|output| {
                let (message, topic) = named.names(&output.topic);
                v1::Output {
                    message,
                    topic,
                    compact: named.is_compact(&output.topic),
                    description: output.description.to_owned(),
                }
            })
            .collect(),
        persistence: processor.persistence.as_ref().map(|state| {
            let (message, topic) = named.names(state);
            v1::Persistence { message, topic }
        }),
    }
}

fn uses<T>(
    topics: &[TopicUse],
    named: &mut Named,
    described: impl Fn((String, String)) -> T,
) -> Vec<T> {
    let named = topics.iter().map(|topic| named.names(topic));
    named.map(described).collect()
}

/// Whether nothing of a component is registered.
fn is_empty(component: &v1::Component) -> bool {
    component.sources.is_empty()
        && component.processors.is_empty()
        && component.sinks.is_empty()
        && component.views.is_empty()
        && component.view_sources.is_empty()
        && component.view_sinks.is_empty()
}

fn duration(milliseconds: u64) -> Duration {
    // Kafka's `long` of milliseconds bounds them, so that neither part can exceed its type.
    Duration {
        seconds: i64::try_from(milliseconds / 1000).unwrap_or(i64::MAX),
        nanos: i32::try_from(milliseconds % 1000 * 1_000_000).unwrap_or_default(),
    }
}
