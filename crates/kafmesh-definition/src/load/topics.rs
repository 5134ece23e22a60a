//! Topics: every use of one is collected, and together they must agree.

use std::collections::BTreeMap;

use super::settings::{Defaults, Stated};
use crate::diagnostic::Diagnostic;
use crate::duration;
use crate::model::{Expectation, ProtoType, Topic, TopicSettings};
use crate::position::Position;

/// The longest name Kafka allows for a topic.
const MAX_TOPIC_NAME: usize = 249;

/// What a use of a topic means for its creation.
#[derive(Debug, Clone)]
pub(super) enum Intent {
    /// The topic must exist, or be created by another use.
    Reads,
    /// As `Reads`, and it is expected to have these settings.
    Expects(Stated),
    /// The service creates it.
    Creates(Stated),
    /// The service creates it as the state of one object, which no other may write.
    Owns(Stated),
}

/// A use of a topic: where, and what for.
#[derive(Debug, Clone)]
pub(super) struct Use {
    pub(super) position: Position,
    pub(super) intent: Intent,
    pub(super) proto: Option<ProtoType>,
}

/// Every topic of a definition with its uses, in the order they were written.
pub(super) struct Topics {
    defaults: Defaults,
    uses: BTreeMap<String, Vec<Use>>,
}

impl Topics {
    pub(super) fn new(defaults: Defaults) -> Self {
        Self {
            defaults,
            uses: BTreeMap::new(),
        }
    }

    pub(super) fn add(&mut self, topic: &str, usage: Use) {
        match self.uses.get_mut(topic) {
            Some(uses) => uses.push(usage),
            None => {
                self.uses.insert(topic.to_owned(), vec![usage]);
            }
        }
    }

    /// The topics, sorted by name; uses that disagree are reported.
    pub(super) fn finish(self, diagnostics: &mut Vec<Diagnostic>) -> Vec<Topic> {
        let defaults = &self.defaults;
        let mut topics = Vec::with_capacity(self.uses.len());
        for (name, uses) in self.uses {
            check_types(&name, &uses, diagnostics);
            check_owner(&name, &uses, diagnostics);
            let (settings, expected) = check_settings(&name, &uses, defaults, diagnostics);
            let creates =
                |usage: &&Use| matches!(usage.intent, Intent::Creates(_) | Intent::Owns(_));
            // A topic is known by its uses, so there is one.
            let Some(shown) = uses.iter().find(creates).or(uses.first()) else {
                continue;
            };
            let position = shown.position.clone();
            topics.push(Topic {
                name,
                settings,
                expected,
                position,
            });
        }
        topics
    }
}

/// Why `name` is no topic name for Kafka, if it is not.
pub(super) fn illegal(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".into());
    }
    if name == "." || name == ".." {
        return Some("`.` and `..` are not allowed".into());
    }
    if let Some(wrong) = name
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_' | '-'))
    {
        return Some(format!(
            "{wrong:?} is not one of a–z, A–Z, 0–9, `.`, `_` and `-`"
        ));
    }
    (name.len() > MAX_TOPIC_NAME).then(|| {
        format!(
            "it has {} characters, and {MAX_TOPIC_NAME} are allowed",
            name.len()
        )
    })
}

fn check_types(topic: &str, uses: &[Use], diagnostics: &mut Vec<Diagnostic>) {
    let mut typed = uses
        .iter()
        .filter_map(|usage| usage.proto.as_ref().map(|proto| (usage, proto)));
    let Some((first, first_type)) = typed.next() else {
        return;
    };
    if let Some((second, second_type)) = typed.find(|(_, proto)| *proto != first_type) {
        let message =
            format!("the topic `{topic}` holds {second_type} here and {first_type} elsewhere");
        diagnostics.push(
            Diagnostic::new("topic-type-conflict", message, &second.position)
                .with_related(&first.position, format!("{first_type} here"))
                .with_help("a topic holds one message type; use another topic for the other one"),
        );
    }
}

fn check_owner(topic: &str, uses: &[Use], diagnostics: &mut Vec<Diagnostic>) {
    let Some(owner) = uses
        .iter()
        .position(|usage| matches!(usage.intent, Intent::Owns(_)))
    else {
        return;
    };
    let other = uses.iter().enumerate().find(|(index, usage)| {
        *index != owner && matches!(usage.intent, Intent::Owns(_) | Intent::Creates(_))
    });
    if let Some((index, _)) = other {
        let (first, second) = (&uses[owner.min(index)], &uses[owner.max(index)]);
        let message =
            format!("the topic `{topic}` is the state of one object and written by another");
        diagnostics.push(
            Diagnostic::new("shared-persistence", message, &second.position)
                .with_related(&first.position, "also used here")
                .with_help("give one of them another `topic`"),
        );
    }
}

/// One setting of a topic as one use has it, and where it says so.
struct Setting<'a> {
    name: &'static str,
    value: Option<String>,
    stated_at: Option<&'a Position>,
}

static NOTHING_STATED: Stated = Stated {
    partitions: None,
    replication: None,
    compact: None,
    retention: None,
    segment: None,
};

/// The settings of `usage`, each as text; those it leaves open have no value.
fn settings_of<'a>(usage: &'a Use, defaults: &Defaults) -> [Setting<'a>; 5] {
    fn stated<'a, T>(
        name: &'static str,
        given: &'a Option<(T, Position)>,
        shown: impl Fn(&T) -> String,
        default: Option<&T>,
    ) -> Setting<'a> {
        Setting {
            name,
            value: given
                .as_ref()
                .map(|(value, _)| value)
                .or(default)
                .map(shown),
            stated_at: given.as_ref().map(|(_, position)| position),
        }
    }
    let (given, complete) = match &usage.intent {
        Intent::Reads => (&NOTHING_STATED, None),
        Intent::Expects(stated) => (stated, None),
        Intent::Creates(stated) | Intent::Owns(stated) => (stated, Some(stated.complete(defaults))),
    };
    let all = complete.as_ref();
    [
        stated(
            "partitions",
            &given.partitions,
            i32::to_string,
            all.map(|all| &all.partitions),
        ),
        stated(
            "replicas",
            &given.replication,
            i16::to_string,
            all.map(|all| &all.replication),
        ),
        stated(
            "compact",
            &given.compact,
            bool::to_string,
            all.map(|all| &all.compact),
        ),
        stated(
            "retention",
            &given.retention,
            duration::shown,
            all.map(|all| &all.retention),
        ),
        stated(
            "segment",
            &given.segment,
            duration::shown,
            all.map(|all| &all.segment),
        ),
    ]
}

/// The settings the topic is created with, or what readers expect of it; each setting on which uses
/// disagree is reported once.
fn check_settings(
    topic: &str,
    uses: &[Use],
    defaults: &Defaults,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Option<TopicSettings>, Vec<Expectation>) {
    let created = uses.iter().find_map(|usage| match &usage.intent {
        Intent::Creates(stated) | Intent::Owns(stated) => Some(stated.complete(defaults)),
        Intent::Reads | Intent::Expects(_) => None,
    });
    let mut agreed: [Option<(String, Setting<'_>, &Use)>; 5] = [const { None }; 5];
    let mut reported = [false; 5];
    for usage in uses {
        for (index, setting) in settings_of(usage, defaults).into_iter().enumerate() {
            let Some(value) = setting.value.clone() else {
                continue;
            };
            match &agreed[index] {
                None => agreed[index] = Some((value, setting, usage)),
                Some((first, _, _)) if *first == value => {}
                Some((first, first_setting, first_use)) if !reported[index] => {
                    reported[index] = true;
                    let name = setting.name;
                    let said = |value: &str, setting: &Setting<'_>| match setting.stated_at {
                        Some(_) => value.to_owned(),
                        None => format!("{value} (the default)"),
                    };
                    let (here, elsewhere) = (said(&value, &setting), said(first, first_setting));
                    let message = format!(
                        "the topic `{topic}` has two settings of `{name}`: {here} here, {elsewhere} elsewhere"
                    );
                    let position = setting.stated_at.unwrap_or(&usage.position);
                    let first_position = first_setting.stated_at.unwrap_or(&first_use.position);
                    diagnostics.push(
                        Diagnostic::new("topic-settings-conflict", message, position)
                            .with_related(first_position, format!("{elsewhere} here"))
                            .with_help("state the same setting in both places"),
                    );
                }
                Some(_) => {}
            }
        }
    }
    if created.is_some() {
        return (created, Vec::new());
    }
    let stated = agreed
        .into_iter()
        .flatten()
        .filter_map(|(value, setting, _)| {
            let position = setting.stated_at?.clone();
            Some(Expectation {
                setting: setting.name,
                value,
                position,
            })
        });
    (None, stated.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names() {
        for legal in [
            "a",
            "exampleService.userId.click",
            "a-b_c.D9",
            &"x".repeat(249),
        ] {
            assert_eq!(illegal(legal), None, "{legal}");
        }
        for wrong in [
            "",
            ".",
            "..",
            "a b",
            "a/b",
            "größe",
            "a\n",
            &"x".repeat(250),
        ] {
            assert!(illegal(wrong).is_some(), "{wrong:?}");
        }
    }
}
