//! Components and their objects: raw input to the resolved model.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::lookup::{Known, Lookup};
use super::names::Taken;
use super::settings::{self, Defaults, Stated};
use super::topics::{Intent, Topics, Use, illegal};
use super::{Located, required, required_name};
use crate::diagnostic::Diagnostic;
use crate::model::{
    Component, Sink, Source as SourceObject, Topic, TopicUse, View, ViewSink, ViewSource,
};
use crate::name::Name;
use crate::position::{Position, Source};
use crate::raw::{Creation, RawComponent, Reference};
use crate::yaml::{Field, shortened};

/// Modules that generated code has beside those of the components.
const RESERVED_COMPONENTS: [&str; 2] = ["models", "service"];

/// Resolves components one after the other, and then what they have in common.
pub(super) struct Resolver<'a> {
    service: Name,
    topics: Topics,
    groups: HashMap<String, (String, Position)>,
    components: Taken,
    lookup: Lookup,
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
}

/// The component that is being resolved.
pub(super) struct Scope<'a> {
    source: &'a Arc<Source>,
    /// `service.component`.
    pub(super) prefix: String,
    objects: Taken,
}

impl Scope<'_> {
    pub(super) fn position(&self, span: &Range<usize>) -> Position {
        self.source.position(span.clone())
    }
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        service: Name,
        known: Known,
        defaults: Defaults,
        diagnostics: &'a mut Vec<Diagnostic>,
    ) -> Self {
        let lookup = Lookup::new(service.written(), known);
        Self {
            service,
            lookup,
            topics: Topics::new(defaults),
            groups: HashMap::new(),
            components: Taken::default(),
            diagnostics,
        }
    }

    /// What the components have in common: the topics. `definition` is where the definition begins.
    pub(super) fn finish(self, definition: &Position) -> Vec<Topic> {
        self.lookup.finish(definition, self.diagnostics);
        self.topics.finish(self.diagnostics)
    }

    pub(super) fn component(&mut self, located: &Located<RawComponent>) -> Option<Component> {
        let Located { raw, source, .. } = located;
        let named = required_name(
            &raw.name,
            "a component",
            &located.position(),
            source,
            self.diagnostics,
        );
        // The objects of a component without a name are checked all the same.
        let (name, position) = named
            .clone()
            .unwrap_or_else(|| (Name::new("unnamed"), located.position()));
        if named.is_some() {
            let what = format!("the component `{}`", name.written());
            if RESERVED_COMPONENTS.contains(&name.snake().as_str()) {
                let message = format!(
                    "{what} cannot be a module: generated code has its own `{}`",
                    name.snake()
                );
                self.diagnostics.push(
                    Diagnostic::new("reserved-name", message, &position)
                        .with_help("choose another name"),
                );
            }
            self.components.take(
                &[name.pascal(), name.snake()],
                &what,
                &position,
                self.diagnostics,
            );
        }
        let prefix = format!("{}.{}", self.service.lower_camel(), name.lower_camel());
        let mut scope = Scope {
            source,
            prefix,
            objects: Taken::default(),
        };
        let mut component = Component {
            description: text(&raw.description),
            file: source.path.to_path_buf(),
            sources: self.sources(raw, &mut scope),
            processors: self.processors(raw, &mut scope),
            sinks: self.sinks(raw, &mut scope),
            views: self.views(raw, &mut scope),
            view_sources: self.view_sources(raw, &mut scope),
            view_sinks: self.view_sinks(raw, &mut scope),
            persistence: None,
            name,
            position,
        };
        self.shared_state(raw, &mut component, &scope);
        named.map(|_| component)
    }

    fn sources(&mut self, raw: &RawComponent, scope: &mut Scope<'_>) -> Vec<SourceObject> {
        let mut sources = Vec::new();
        for (source, span) in raw.sources.iter() {
            let stated = self.stated(source.creation(), scope);
            let Some(topic) = self.topic(
                "a source",
                source.reference(),
                span,
                Intent::Creates(stated),
                scope,
            ) else {
                continue;
            };
            self.take_message(&topic, "Source", "the source", scope);
            sources.push(SourceObject {
                position: topic.position.clone(),
                topic,
            });
        }
        sources
    }

    fn views(&mut self, raw: &RawComponent, scope: &mut Scope<'_>) -> Vec<View> {
        let mut views = Vec::new();
        for (view, span) in raw.views.iter() {
            let stated = self.stated(view.creation(), scope);
            let Some(topic) = self.topic(
                "a view",
                view.reference(),
                span,
                Intent::Expects(stated),
                scope,
            ) else {
                continue;
            };
            self.take_message(&topic, "View", "the view", scope);
            views.push(View {
                position: topic.position.clone(),
                topic,
            });
        }
        views
    }

    fn sinks(&mut self, raw: &RawComponent, scope: &mut Scope<'_>) -> Vec<Sink> {
        let mut sinks = Vec::new();
        for (sink, span) in raw.sinks.iter() {
            let named = self.object_name(&sink.name, span, "a sink", "Sink", scope);
            let topic = self.topic("a sink", sink.reference(), span, Intent::Reads, scope);
            let Some((name, position)) = named else {
                continue;
            };
            let group = self.own_group("sink", &name, &position, scope);
            let Some(topic) = topic else { continue };
            sinks.push(Sink {
                name,
                description: text(&sink.description),
                group,
                topic,
                position,
            });
        }
        sinks
    }

    fn view_sources(&mut self, raw: &RawComponent, scope: &mut Scope<'_>) -> Vec<ViewSource> {
        let mut view_sources = Vec::new();
        for (object, span) in raw.view_sources.iter() {
            let named = self.object_name(&object.name, span, "a view source", "ViewSource", scope);
            let stated =
                self.compacted(object.creation(), "the topic of a view source", span, scope);
            let topic = self.topic(
                "a view source",
                object.reference(),
                span,
                Intent::Creates(stated),
                scope,
            );
            let Some((name, position)) = named else {
                continue;
            };
            let group = self.own_group("view source", &name, &position, scope);
            let Some(topic) = topic else { continue };
            view_sources.push(ViewSource {
                name,
                description: text(&object.description),
                group,
                topic,
                position,
            });
        }
        view_sources
    }

    fn view_sinks(&mut self, raw: &RawComponent, scope: &mut Scope<'_>) -> Vec<ViewSink> {
        let mut view_sinks = Vec::new();
        for (object, span) in raw.view_sinks.iter() {
            let named = self.object_name(&object.name, span, "a view sink", "ViewSink", scope);
            let stated = self.stated(object.creation(), scope);
            let topic = self.topic(
                "a view sink",
                object.reference(),
                span,
                Intent::Expects(stated),
                scope,
            );
            let Some((name, position)) = named else {
                continue;
            };
            let group = self.own_group("view sink", &name, &position, scope);
            let Some(topic) = topic else { continue };
            view_sinks.push(ViewSink {
                name,
                description: text(&object.description),
                group,
                topic,
                position,
            });
        }
        view_sinks
    }

    pub(super) fn stated(&mut self, creation: Creation<'_>, scope: &Scope<'_>) -> Stated {
        settings::Reader {
            source: scope.source,
            diagnostics: self.diagnostics,
        }
        .stated(creation)
    }

    /// The stated settings of a topic that is always compacted.
    pub(super) fn compacted(
        &mut self,
        creation: Creation<'_>,
        what: &str,
        span: &Range<usize>,
        scope: &Scope<'_>,
    ) -> Stated {
        let mut stated = self.stated(creation, scope);
        if let Some((false, position)) = &stated.compact {
            let message = format!("{what} is always compacted");
            self.diagnostics.push(
                Diagnostic::new("always-compacted", message, position)
                    .with_help("remove this line"),
            );
        }
        stated.compact = Some((true, scope.position(span)));
        stated
    }

    /// The name of an object, which with its kind makes its Rust names.
    pub(super) fn object_name(
        &mut self,
        field: &Field<String>,
        span: &Range<usize>,
        what: &str,
        kind: &str,
        scope: &mut Scope<'_>,
    ) -> Option<(Name, Position)> {
        let (name, position) = required_name(
            field,
            what,
            &scope.position(span),
            scope.source,
            self.diagnostics,
        )?;
        let shown = format!(
            "the {} `{}`",
            what.split_once(' ').map_or(what, |(_, kind)| kind),
            name.written()
        );
        self.take(&name, kind, &shown, &position, scope);
        Some((name, position))
    }

    fn take_message(&mut self, topic: &TopicUse, kind: &str, what: &str, scope: &mut Scope<'_>) {
        let what = format!("{what} `{}`", topic.message.written());
        self.take(&topic.message, kind, &what, &topic.position, scope);
    }

    fn take(
        &mut self,
        name: &Name,
        kind: &str,
        what: &str,
        position: &Position,
        scope: &mut Scope<'_>,
    ) {
        let pascal = name.pascal();
        let mut names = vec![
            format!("{pascal}{kind}"),
            format!("{}_{}", name.snake(), Name::new(kind).snake()),
        ];
        // The test drivers, of those that have one.
        match kind {
            "Source" | "View" => {}
            "Processor" => names.push(format!("{pascal}Test")),
            _ => names.push(format!("{pascal}{kind}Test")),
        }
        scope.objects.take(&names, what, position, self.diagnostics);
    }

    /// The group of an object that cannot choose it: `service.component.<name>-sink` for a sink.
    fn own_group(
        &mut self,
        kind: &str,
        name: &Name,
        position: &Position,
        scope: &Scope<'_>,
    ) -> String {
        let suffix = kind.replace(' ', "-");
        let group = format!("{}.{}-{suffix}", scope.prefix, name.lower_camel());
        self.group(
            &group,
            &format!("the {kind} `{}`", name.written()),
            position,
        );
        group
    }

    pub(super) fn group(&mut self, group: &str, what: &str, position: &Position) {
        if let Some((first, first_position)) = self.groups.get(group) {
            let message = format!("{what} and {first} would share the consumer group `{group}`");
            self.diagnostics.push(
                Diagnostic::new("duplicate-group", message, position)
                    .with_related(first_position, format!("{first} is here"))
                    .with_help("members of a group divide the records among them; give each its own `groupName`"),
            );
            return;
        }
        self.groups
            .insert(group.to_owned(), (what.to_owned(), position.clone()));
    }

    pub(super) fn topic(
        &mut self,
        what: &str,
        reference: Reference<'_>,
        span: &Range<usize>,
        intent: Intent,
        scope: &Scope<'_>,
    ) -> Option<TopicUse> {
        self.topic_named(what, reference, span, intent, None, scope)
    }

    /// A use of a topic, named `name` unless the reference overrides it.
    pub(super) fn topic_named(
        &mut self,
        what: &str,
        reference: Reference<'_>,
        span: &Range<usize>,
        intent: Intent,
        name: Option<String>,
        scope: &Scope<'_>,
    ) -> Option<TopicUse> {
        settings::message_type(reference.message_type, scope.source, self.diagnostics);
        let object = scope.position(span);
        let (message, span) = required(
            reference.message,
            "message",
            what,
            &object,
            self.diagnostics,
        )?;
        let position = scope.position(span);
        if !self.well_formed(message, &position) {
            return None;
        }
        let (topic, named_at) = match (reference.topic.given(), name) {
            (Some((topic, span)), _) => (topic.clone(), scope.position(span)),
            (None, Some(name)) => (name, position.clone()),
            (None, None) if message.matches('.').count() > 1 => (message.clone(), position.clone()),
            (None, None) => (
                format!("{}.{message}", self.service.lower_camel()),
                position.clone(),
            ),
        };
        if let Some(wrong) = illegal(&topic) {
            let message = format!(
                "`{}` is no topic name for Kafka: {wrong}",
                shortened(&topic)
            );
            let mut diagnostic = Diagnostic::new("invalid-topic", message, &named_at);
            if reference.topic.given().is_none() {
                diagnostic = diagnostic.with_help("give the topic a name of its own with `topic`");
            }
            self.diagnostics.push(diagnostic);
        }
        let proto = self.lookup.proto(message, &position, self.diagnostics);
        self.topics.add(
            &topic,
            Use {
                position: position.clone(),
                intent,
                proto: proto.clone(),
            },
        );
        Some(TopicUse {
            message: Name::new(message.as_str()),
            topic,
            proto: proto?,
            position,
        })
    }

    fn well_formed(&mut self, message: &str, position: &Position) -> bool {
        let parts: Vec<&str> = message.split('.').collect();
        let wrong = if parts.iter().any(|part| Name::new(*part).words().is_empty()) {
            format!(
                "`{}` is no message: each of its parts needs a letter or a digit",
                shortened(message)
            )
        } else if parts.len() < 2 {
            format!(
                "`{}` is no message: it has only one part",
                shortened(message)
            )
        } else {
            return true;
        };
        self.diagnostics.push(
            Diagnostic::new("invalid-message", wrong, position).with_help(
                "write `package.message`, or `service.package.message` for another service's",
            ),
        );
        false
    }
}

/// The text given, or none.
pub(super) fn text(field: &Field<String>) -> String {
    field.value().cloned().unwrap_or_default()
}
