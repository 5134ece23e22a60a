//! Several definitions: what they say of the same topics and groups must agree.

use std::collections::HashMap;

use crate::copartition;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::{Component, Definition, Topic, TopicSettings, TopicUse};
use crate::position::Position;

/// Checks what only shows when several definitions are looked at together.
///
/// Mistakes are: two services of one name, one consumer group in two services, and a topic that two
/// services create with different settings, that a reader states other settings of than its creator, or
/// that holds messages of different names; and topics that one processor needs to have equal partition
/// counts, and that another service creates with another count.
///
/// ```no_run
/// # fn main() -> Result<(), kafmesh_definition::Diagnostics> {
/// let clicks = kafmesh_definition::load("clicks/docs/definition.yaml".as_ref())?;
/// let devices = kafmesh_definition::load("devices/docs/definition.yaml".as_ref())?;
/// let mistakes = kafmesh_definition::check_together(&[&clicks, &devices]);
/// assert!(mistakes.is_empty());
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn check_together(definitions: &[&Definition]) -> Diagnostics {
    let mut diagnostics = Vec::new();
    services(definitions, &mut diagnostics);
    groups(definitions, &mut diagnostics);
    topics(definitions, &mut diagnostics);
    partitions(definitions, &mut diagnostics);
    diagnostics.into_iter().collect()
}

fn services(definitions: &[&Definition], diagnostics: &mut Vec<Diagnostic>) {
    let mut first: HashMap<String, &Definition> = HashMap::new();
    for definition in definitions {
        let name = definition.name.lower_camel();
        if let Some(other) = first.get(&name) {
            diagnostics.push(
                Diagnostic::new(
                    "duplicate-service",
                    format!("two services are named `{name}`"),
                    &definition.position,
                )
                .with_related(&other.position, "the first one is here")
                .with_help("their topics and groups would be the same; rename one of them"),
            );
        } else {
            first.insert(name, definition);
        }
    }
}

fn groups(definitions: &[&Definition], diagnostics: &mut Vec<Diagnostic>) {
    let mut first: HashMap<&str, (usize, &Position)> = HashMap::new();
    for (service, definition) in definitions.iter().enumerate() {
        for (group, position) in definition.components.iter().flat_map(groups_of) {
            match first.get(group) {
                // Services of one name share all their groups, which is said once for them.
                Some((other, _)) if definitions[*other].name.lower_camel() == definition.name.lower_camel() => {}
                Some((_, other)) => diagnostics.push(
                    Diagnostic::new("duplicate-group", format!("two services use the consumer group `{group}`"), position)
                        .with_related(other, "the first one is here")
                        .with_help("members of a group divide the records among them; give each its own `groupName`"),
                ),
                None => {
                    first.insert(group, (service, position));
                }
            }
        }
    }
}

fn groups_of(component: &Component) -> impl Iterator<Item = (&str, &Position)> {
    let processors = component
        .processors
        .iter()
        .map(|processor| (processor.group.as_str(), &processor.position));
    let sinks = component
        .sinks
        .iter()
        .map(|sink| (sink.group.as_str(), &sink.position));
    let view_sources = component
        .view_sources
        .iter()
        .map(|source| (source.group.as_str(), &source.position));
    let view_sinks = component
        .view_sinks
        .iter()
        .map(|sink| (sink.group.as_str(), &sink.position));
    processors
        .chain(sinks)
        .chain(view_sources)
        .chain(view_sinks)
}

/// What a topic is created with, where, and by which service.
type Creator<'a> = (&'a TopicSettings, &'a Position, &'a str);

fn topics(definitions: &[&Definition], diagnostics: &mut Vec<Diagnostic>) {
    let mut created: HashMap<&str, Creator<'_>> = HashMap::new();
    let mut typed: HashMap<&str, (&TopicUse, usize)> = HashMap::new();
    for (service, definition) in definitions.iter().enumerate() {
        let name = definition.name.written();
        let first_uses = first_uses(definition);
        for topic in &definition.topics {
            let Some(first_use) = first_uses.get(topic.name.as_str()) else {
                continue;
            };
            // Each service has protos of its own, so only the names of the messages are compared.
            match typed.get(topic.name.as_str()) {
                Some((other, other_service))
                    if *other_service != service && other.proto.name != first_use.proto.name =>
                {
                    let message = format!(
                        "the topic `{}` holds {} in `{name}` and {} in `{}`",
                        topic.name,
                        first_use.proto,
                        other.proto,
                        definitions[*other_service].name.written(),
                    );
                    diagnostics.push(
                        Diagnostic::new("topic-type-conflict", message, &first_use.position)
                            .with_related(&other.position, format!("{} here", other.proto))
                            .with_help("a topic holds one message type; use another topic for the other one"),
                    );
                }
                Some(_) => {}
                None => {
                    typed.insert(&topic.name, (first_use, service));
                }
            }
            let Some(settings) = &topic.settings else {
                continue;
            };
            match created.get(topic.name.as_str()) {
                Some((other, other_position, other_name)) => {
                    let different = differences(other, settings);
                    if !different.is_empty() {
                        diagnostics.push(conflict(
                            &topic.name,
                            &different,
                            (name, &topic.position),
                            (other_name, other_position),
                        ));
                    }
                }
                None => {
                    created.insert(&topic.name, (settings, &topic.position, name));
                }
            }
        }
    }
    for topic in definitions.iter().flat_map(|definition| &definition.topics) {
        if let Some(creator) = created.get(topic.name.as_str()) {
            expectations(topic, *creator, diagnostics);
        }
    }
}

/// Checks the partition counts of each service's processors with what its own definition does not say of them.
/// What it does say was checked when it was loaded.
fn partitions(definitions: &[&Definition], diagnostics: &mut Vec<Diagnostic>) {
    let mut created = HashMap::new();
    for topic in definitions.iter().flat_map(|definition| &definition.topics) {
        if topic.settings.is_some() {
            created.entry(topic.name.as_str()).or_insert(topic);
        }
    }
    for definition in definitions {
        let own: HashMap<_, _> = definition
            .topics
            .iter()
            .map(|topic| (topic.name.as_str(), topic))
            .collect();
        let known = |name: &str| {
            let own = own.get(name).and_then(|topic| copartition::known(topic));
            own.or_else(|| copartition::known(created.get(name)?))
        };
        copartition::check(&definition.components, known, diagnostics);
    }
}

/// Reports what a service's readers state of `topic` that its creator, another service, does not do.
fn expectations(topic: &Topic, creator: Creator<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let (settings, created_at, service) = creator;
    for (setting, value) in settings.entries() {
        for expected in topic
            .expected
            .iter()
            .filter(|it| it.setting == setting && it.value != value)
        {
            let message = format!(
                "the topic `{}` is stated to have `{setting}` {}, and `{service}` creates it with {value}",
                topic.name, expected.value,
            );
            diagnostics.push(
                Diagnostic::new("topic-settings-conflict", message, &expected.position)
                    .with_related(created_at, format!("created here with `{setting}` {value}"))
                    .with_help("remove the setting, or state what the topic is created with"),
            );
        }
    }
}

/// The settings in which two topics differ: name, first value, second value.
fn differences(a: &TopicSettings, b: &TopicSettings) -> Vec<(&'static str, String, String)> {
    let pairs = a.entries().into_iter().zip(b.entries());
    pairs
        .filter(|(a, b)| a != b)
        .map(|((name, a), (_, b))| (name, a, b))
        .collect()
}

fn conflict(
    topic: &str,
    different: &[(&'static str, String, String)],
    (name, position): (&str, &Position),
    (other_name, other_position): (&str, &Position),
) -> Diagnostic {
    let say = |second: bool| {
        let said = different
            .iter()
            .map(|(setting, a, b)| format!("{setting} {}", if second { b } else { a }));
        said.collect::<Vec<_>>().join(", ")
    };
    let message =
        format!("the topic `{topic}` is created differently by `{name}` and `{other_name}`");
    Diagnostic::new("topic-settings-conflict", message, position)
        .with_label(say(true))
        .with_related(other_position, say(false))
        .with_help("let one service create the topic, or state the same settings in both")
}

/// The first use of each topic, in the order of the components.
fn first_uses(definition: &Definition) -> HashMap<&str, &TopicUse> {
    let mut first = HashMap::new();
    for component in &definition.components {
        for usage in component.topic_uses() {
            first.entry(usage.topic.as_str()).or_insert(usage);
        }
    }
    first
}
