//! What a service says of itself, as `kafmesh.discover.v1.Service` is written in JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafmesh_definition::Definition;
use kafmesh_definition::model::{self, TopicUse};
use serde::Serialize;

/// A service; lists are there even when empty, so that readers need not ask.
#[derive(Serialize)]
pub(super) struct Service<'a> {
    name: &'a str,
    description: &'a str,
    components: Vec<Component<'a>>,
    messages: Vec<Message<'a>>,
    topics: Vec<Topic<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component<'a> {
    name: &'a str,
    description: &'a str,
    sources: Vec<Use<'a>>,
    processors: Vec<Processor<'a>>,
    sinks: Vec<Named<'a>>,
    views: Vec<Use<'a>>,
    view_sources: Vec<Named<'a>>,
    view_sinks: Vec<Named<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Processor<'a> {
    name: &'a str,
    description: &'a str,
    group_name: &'a str,
    inputs: Vec<Use<'a>>,
    joins: Vec<Use<'a>>,
    lookups: Vec<Use<'a>>,
    outputs: Vec<Use<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence: Option<Use<'a>>,
}

/// A sink, a view source or a view sink.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    name: &'a str,
    description: &'a str,
    group_name: &'a str,
    #[serde(flatten)]
    topic: Use<'a>,
}

/// A message in a topic, as an object reads or writes it.
#[derive(Serialize)]
struct Use<'a> {
    message: &'a str,
    topic: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    /// Only where this service creates the topic, and as in the YAML only when it is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    compact: bool,
}

/// A message that is used somewhere, and its protobuf type.
#[derive(Serialize)]
struct Message<'a> {
    name: &'a str,
    r#type: String,
}

/// A topic that is used somewhere, with the settings the service creates it with.
#[derive(Serialize)]
struct Topic<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Settings>,
}

#[derive(Serialize)]
struct Settings {
    partitions: i32,
    replication: i16,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    compact: bool,
    retention: String,
    segment: String,
}

impl<'a> Service<'a> {
    pub(super) fn new(definition: &'a Definition) -> Self {
        let settings = |topic: &'a model::Topic| Some((&*topic.name, topic.settings.as_ref()?));
        let settings = definition.topics.iter().filter_map(settings);
        let compacted = settings
            .filter(|(_, settings)| settings.compact)
            .map(|(name, _)| name)
            .collect();
        let topics = Topics { compacted };
        Self {
            name: definition.name.written(),
            description: &definition.description,
            components: definition
                .components
                .iter()
                .map(|c| topics.component(c))
                .collect(),
            messages: messages(definition),
            topics: definition.topics.iter().map(topic).collect(),
        }
    }
}

struct Topics<'a> {
    compacted: BTreeSet<&'a str>,
}

impl<'a> Topics<'a> {
    fn component(&self, component: &'a model::Component) -> Component<'a> {
        Component {
            name: component.name.written(),
            description: &component.description,
            sources: component
                .sources
                .iter()
                .map(|s| self.created(&s.topic))
                .collect(),
            processors: component
                .processors
                .iter()
                .map(|p| self.processor(p))
                .collect(),
            sinks: component
                .sinks
                .iter()
                .map(|sink| Named {
                    name: sink.name.written(),
                    description: &sink.description,
                    group_name: &sink.group,
                    topic: used(&sink.topic),
                })
                .collect(),
            views: component
                .views
                .iter()
                .map(|view| used(&view.topic))
                .collect(),
            view_sources: component
                .view_sources
                .iter()
                .map(|source| Named {
                    name: source.name.written(),
                    description: &source.description,
                    group_name: &source.group,
                    topic: self.created(&source.topic),
                })
                .collect(),
            view_sinks: component
                .view_sinks
                .iter()
                .map(|sink| Named {
                    name: sink.name.written(),
                    description: &sink.description,
                    group_name: &sink.group,
                    topic: used(&sink.topic),
                })
                .collect(),
        }
    }

    fn processor(&self, processor: &'a model::Processor) -> Processor<'a> {
        Processor {
            name: processor.name.written(),
            description: &processor.description,
            group_name: &processor.group,
            inputs: processor.inputs.iter().map(used).collect(),
            joins: processor.joins.iter().map(used).collect(),
            lookups: processor.lookups.iter().map(used).collect(),
            outputs: processor
                .outputs
                .iter()
                .map(|output| Use {
                    description: &output.description,
                    ..self.created(&output.topic)
                })
                .collect(),
            persistence: processor.persistence.as_ref().map(used),
        }
    }

    fn created(&self, topic: &'a TopicUse) -> Use<'a> {
        Use {
            compact: self.compacted.contains(topic.topic.as_str()),
            ..used(topic)
        }
    }
}

fn used(topic: &TopicUse) -> Use<'_> {
    Use {
        message: topic.message.written(),
        topic: &topic.topic,
        description: "",
        compact: false,
    }
}

/// Every message of the definition, by name.
fn messages(definition: &Definition) -> Vec<Message<'_>> {
    let components = definition.components.iter();
    let uses = components.flat_map(model::Component::topic_uses);
    let types: BTreeMap<&str, String> = uses
        .map(|topic| (topic.message.written(), topic.proto.full_name()))
        .collect();
    let messages = types.into_iter();
    messages
        .map(|(name, r#type)| Message { name, r#type })
        .collect()
}

fn topic(topic: &model::Topic) -> Topic<'_> {
    let settings = topic.settings.as_ref().map(|settings| Settings {
        partitions: settings.partitions,
        replication: settings.replication,
        compact: settings.compact,
        retention: seconds(settings.retention),
        segment: seconds(settings.segment),
    });
    Topic {
        name: &topic.name,
        settings,
    }
}

/// A duration as protobuf writes it in JSON: `86400s`, `1.500s`.
fn seconds(duration: Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{}s", duration.as_secs()),
        rest => format!("{}.{rest:03}s", duration.as_secs()),
    }
}
