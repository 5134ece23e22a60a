//! Co-partitioning: what a processor finds by a record's key has the partition count of what the record is in.

use crate::diagnostic::Diagnostic;
use crate::model::{Component, Processor, Topic, TopicUse};
use crate::position::Position;

/// A partition count that is known, and where it comes from.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    partitions: i32,
    position: &'a Position,
    /// Whether the topic is created so; else a reader states it.
    created: bool,
}

/// What a definition says of the partitions of `topic`.
pub(crate) fn known(topic: &Topic) -> Option<Known<'_>> {
    if let Some(settings) = &topic.settings {
        return Some(Known {
            partitions: settings.partitions,
            position: &topic.position,
            created: true,
        });
    }
    let stated = topic
        .expected
        .iter()
        .find(|expected| expected.setting == "partitions")?;
    Some(Known {
        partitions: stated.value.parse().ok()?,
        position: &stated.position,
        created: false,
    })
}

/// Reports inputs, joins and states whose partition counts are known and differ within one group.
pub(crate) fn check<'a>(
    components: &'a [Component],
    known: impl Fn(&str) -> Option<Known<'a>>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for component in components {
        for processor in component.processors.iter().filter(|it| !it.shares_state) {
            let who = format!("the processor `{}` needs", processor.name.written());
            check_group(&who, &[processor], &known, diagnostics);
        }
        let sharing: Vec<_> = component.sharing().collect();
        let who = format!(
            "the processors of `{}` that share its state need",
            component.name.written()
        );
        check_group(&who, &sharing, &known, diagnostics);
    }
}

/// One use of a topic whose records are found by partition.
struct Use<'a> {
    role: &'static str,
    topic: &'a TopicUse,
    known: Known<'a>,
}

fn check_group<'a>(
    who: &str,
    processors: &[&'a Processor],
    known: impl Fn(&str) -> Option<Known<'a>>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let used = |role, topic: &'a TopicUse| {
        let known = known(&topic.topic)?;
        Some(Use { role, topic, known })
    };
    let all = |role, topics: fn(&'a Processor) -> &'a [TopicUse]| {
        let topics = processors.iter().flat_map(move |it| topics(it));
        topics.filter_map(move |topic| used(role, topic))
    };
    let state = processors.first().and_then(|it| it.persistence.as_ref());
    let mut uses = all("an input", |it| &it.inputs)
        .chain(all("a join", |it| &it.joins))
        .chain(state.and_then(|topic| used("the state", topic)));
    let Some(first) = uses.next() else {
        return;
    };
    let mut reported: Vec<&str> = Vec::new();
    for other in uses {
        let differs = other.known.partitions != first.known.partitions;
        if differs && !reported.contains(&other.topic.topic.as_str()) {
            reported.push(&other.topic.topic);
            diagnostics.push(difference(who, &first, &other));
        }
    }
}

fn difference(who: &str, first: &Use<'_>, other: &Use<'_>) -> Diagnostic {
    let (count, first_count) = (other.known.partitions, first.known.partitions);
    let message = format!(
        "the topic `{}` has {count} partitions and `{}` has {first_count}, and {who} them equal",
        other.topic.topic, first.topic.topic,
    );
    let mut diagnostic = Diagnostic::new("partition-counts-differ", message, &other.topic.position)
        .with_label(format!("{} with {count} partitions", other.role))
        .with_related(
            &first.topic.position,
            format!("{} with {first_count} partitions", first.role),
        )
        .with_help(
            "whoever handles partition n of the inputs has partition n of the joins and of the state, and a key \
             is in the same n only where the counts are equal; state the same `partitions`",
        );
    for found in [other, first] {
        let Known {
            partitions,
            position,
            created,
        } = found.known;
        if *position != found.topic.position {
            let verb = if created {
                "created"
            } else {
                "stated to exist"
            };
            let label = format!("{verb} here with {partitions} partitions");
            diagnostic = diagnostic.with_related(position, label);
        }
    }
    diagnostic
}
