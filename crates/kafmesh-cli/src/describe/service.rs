//! The JSON a service describes itself with: kafmesh-discover's shape, with topics and groups.

use std::collections::BTreeMap;

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
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component<'a> {
    name: &'a str,
    description: &'a str,
    sources: Vec<Topic<'a>>,
    processors: Vec<Processor<'a>>,
    sinks: Vec<Named<'a>>,
    views: Vec<Topic<'a>>,
    view_sources: Vec<Named<'a>>,
    view_sinks: Vec<Named<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence: Option<Topic<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Processor<'a> {
    name: &'a str,
    description: &'a str,
    group_name: &'a str,
    inputs: Vec<Topic<'a>>,
    joins: Vec<Topic<'a>>,
    lookups: Vec<Topic<'a>>,
    outputs: Vec<Topic<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistence: Option<Topic<'a>>,
}

/// A sink, a view source or a view sink.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    name: &'a str,
    description: &'a str,
    group_name: &'a str,
    #[serde(flatten)]
    topic: Topic<'a>,
}

#[derive(Serialize)]
struct Topic<'a> {
    message: &'a str,
    topic: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    /// Only where this service creates the topic, and as in the YAML only when it is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    compact: bool,
}

/// A message that is used somewhere, once.
#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
    r#type: &'static str,
    protobuf: String,
    topics: Vec<&'a str>,
}

impl<'a> Service<'a> {
    pub(super) fn new(definition: &'a Definition) -> Self {
        let topics = Topics {
            compacted: definition
                .topics
                .iter()
                .filter(|topic| {
                    topic
                        .settings
                        .as_ref()
                        .is_some_and(|settings| settings.compact)
                })
                .map(|topic| (topic.name.as_str(), ()))
                .collect(),
        };
        Self {
            name: definition.name.written(),
            description: &definition.description,
            components: definition
                .components
                .iter()
                .map(|c| topics.component(c))
                .collect(),
            messages: messages(definition),
        }
    }
}

struct Topics<'a> {
    compacted: BTreeMap<&'a str, ()>,
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
            persistence: component
                .persistence
                .as_ref()
                .map(|topic| self.created(topic)),
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
                .map(|output| Topic {
                    description: &output.description,
                    ..self.created(&output.topic)
                })
                .collect(),
            persistence: processor
                .persistence
                .as_ref()
                .map(|topic| self.created(topic)),
        }
    }

    fn created(&self, topic: &'a TopicUse) -> Topic<'a> {
        Topic {
            compact: self.compacted.contains_key(topic.topic.as_str()),
            ..used(topic)
        }
    }
}

fn used(topic: &TopicUse) -> Topic<'_> {
    Topic {
        message: topic.message.written(),
        topic: &topic.topic,
        description: "",
        compact: false,
    }
}

/// Every message of the definition with its protobuf type and topics, sorted.
fn messages(definition: &Definition) -> Vec<Message<'_>> {
    let mut found: BTreeMap<(&str, String), Vec<&str>> = BTreeMap::new();
    let components = definition.components.iter();
    for topic in components.flat_map(model::Component::topic_uses) {
        found
            .entry((topic.message.written(), topic.proto.full_name()))
            .or_default()
            .push(&topic.topic);
    }
    found
        .into_iter()
        .map(|((message, protobuf), mut topics)| {
            topics.sort_unstable();
            topics.dedup();
            Message {
                message,
                r#type: "protobuf",
                protobuf,
                topics,
            }
        })
        .collect()
}
