//! Processors and their state: raw input to the resolved model.

use std::ops::Range;

use super::component::{Resolver, Scope, text};
use super::names::Taken;
use super::topics::Intent;
use crate::diagnostic::Diagnostic;
use crate::model::{Component, Processor, ProcessorOutput, TopicUse};
use crate::name::Name;
use crate::position::Position;
use crate::raw::{RawComponent, RawPersistence, RawProcessor};
use crate::yaml::Many;

impl Resolver<'_> {
    pub(super) fn processors(
        &mut self,
        raw: &RawComponent,
        scope: &mut Scope<'_>,
    ) -> Vec<Processor> {
        raw.processors
            .iter()
            .filter_map(|(processor, span)| {
                let shares = processor.persistence.0.is_empty() && !raw.persistence.0.is_empty();
                self.processor(processor, span, shares, scope)
            })
            .collect()
    }

    /// Resolves the state of the component, and gives it to those of its processors that share it.
    pub(super) fn shared_state(
        &mut self,
        raw: &RawComponent,
        component: &mut Component,
        scope: &Scope<'_>,
    ) {
        let group = scope.prefix.clone();
        component.persistence = self.persistence(&raw.persistence, &group, "a component", scope);
        let Some((_, span)) = raw.persistence.iter().next() else {
            return;
        };
        let position = scope.position(span);
        let mut processors = raw.processors.iter();
        if !processors.any(|(processor, _)| processor.persistence.0.is_empty()) {
            let message = "no processor of the component shares this persistence";
            self.diagnostics.push(
                Diagnostic::new("unused-persistence", message, &position).with_help(
                    "remove it; processors without a persistence of their own would share it",
                ),
            );
            return;
        }
        let what = format!(
            "the processors of `{}` that share its state",
            component.name.written()
        );
        self.group(&group, &what, &position);
        for processor in &mut component.processors {
            if processor.shares_state {
                processor.persistence.clone_from(&component.persistence);
            }
        }
    }

    fn processor(
        &mut self,
        raw: &RawProcessor,
        span: &Range<usize>,
        shares: bool,
        scope: &mut Scope<'_>,
    ) -> Option<Processor> {
        let named = self.object_name(&raw.name, span, "a processor", "Processor", scope);
        let (name, position) = named
            .clone()
            .unwrap_or_else(|| (Name::new("unnamed"), scope.position(span)));
        let group = if shares {
            self.component_group(raw, &name, scope)
        } else {
            self.processor_group(raw, &name, named.is_some(), &position, scope)
        };
        if raw.inputs.0.is_empty() {
            let message = format!("the processor `{}` has no `inputs`", name.written());
            self.diagnostics.push(
                Diagnostic::new("missing-field", message, &position)
                    .with_help("a processor reacts to records; name at least one topic it reads"),
            );
        }
        let mut methods = Methods::default();
        let mut inputs = Vec::new();
        for (input, span) in raw.inputs.iter() {
            let Some(topic) = self.topic("an input", input.reference(), span, Intent::Reads, scope)
            else {
                continue;
            };
            methods.take(
                "input",
                "handle_",
                &["", "_delete"],
                &topic,
                self.diagnostics,
            );
            inputs.push(topic);
        }
        let mut joins = Vec::new();
        for (join, span) in raw.joins.iter() {
            let Some(topic) = self.topic("a join", join.reference(), span, Intent::Reads, scope)
            else {
                continue;
            };
            methods.take("join", "join_", &[""], &topic, self.diagnostics);
            joins.push(topic);
        }
        let mut lookups = Vec::new();
        for (lookup, span) in raw.lookups.iter() {
            let Some(topic) =
                self.topic("a lookup", lookup.reference(), span, Intent::Reads, scope)
            else {
                continue;
            };
            methods.take("lookup", "lookup_", &[""], &topic, self.diagnostics);
            lookups.push(topic);
        }
        let mut outputs = Vec::new();
        for (output, span) in raw.outputs.iter() {
            let stated = self.stated(output.creation(), scope);
            let Some(topic) = self.topic(
                "an output",
                output.reference(),
                span,
                Intent::Creates(stated),
                scope,
            ) else {
                continue;
            };
            methods.take(
                "output",
                "output_",
                &["", "_records"],
                &topic,
                self.diagnostics,
            );
            outputs.push(ProcessorOutput {
                topic,
                description: text(&output.description),
            });
        }
        let persistence = self.persistence(&raw.persistence, &group, "a processor", scope);
        let description = text(&raw.description);
        named.map(|_| Processor {
            name,
            description,
            group,
            inputs,
            joins,
            lookups,
            outputs,
            persistence,
            shares_state: shares,
            position,
        })
    }

    /// The group of the processors that share their component's state, which none of them can choose.
    fn component_group(&mut self, raw: &RawProcessor, name: &Name, scope: &Scope<'_>) -> String {
        if let Some((_, span)) = raw.group_name.given() {
            let message = format!(
                "the processor `{}` shares its component's state, and with it the consumer group `{}`",
                name.written(),
                scope.prefix
            );
            self.diagnostics.push(
                Diagnostic::new("shared-group", message, &scope.position(span)).with_help(
                    "remove the `groupName`, or give the processor a `persistence` of its own",
                ),
            );
        }
        scope.prefix.clone()
    }

    fn processor_group(
        &mut self,
        raw: &RawProcessor,
        name: &Name,
        named: bool,
        position: &Position,
        scope: &Scope<'_>,
    ) -> String {
        let (group, position) = match raw.group_name.given() {
            Some((group, span)) if group.trim().is_empty() => {
                let message = "the `groupName` is empty";
                let diagnostic = Diagnostic::new("invalid-name", message, &scope.position(span));
                self.diagnostics
                    .push(diagnostic.with_help("leave it out for `service.component.processor`"));
                return group.clone();
            }
            Some((group, span)) => (group.clone(), scope.position(span)),
            None => (
                format!("{}.{}", scope.prefix, name.lower_camel()),
                position.clone(),
            ),
        };
        if named || raw.group_name.given().is_some() {
            self.group(
                &group,
                &format!("the processor `{}`", name.written()),
                &position,
            );
        }
        group
    }

    /// The one persistence among `given`, whose topic is `group` + `-table`.
    pub(super) fn persistence(
        &mut self,
        given: &Many<RawPersistence>,
        group: &str,
        owner: &str,
        scope: &Scope<'_>,
    ) -> Option<TopicUse> {
        let mut all = given.iter();
        let (raw, span) = all.next()?;
        for (_, another) in all {
            let message = format!("{owner} has one persistence, and this is another one");
            self.diagnostics.push(
                Diagnostic::new("two-persistences", message, &scope.position(another))
                    .with_related(&scope.position(span), "the first one is here")
                    .with_help("put what both hold into one message"),
            );
        }
        let stated = self.compacted(raw.creation(), "persistence", span, scope);
        let table = format!("{group}-table");
        self.topic_named(
            "a persistence",
            raw.reference(),
            span,
            Intent::Owns(stated),
            Some(table),
            scope,
        )
    }
}

/// The methods generated for one processor, by kind of use.
#[derive(Default)]
struct Methods {
    taken: Taken,
}

impl Methods {
    /// Takes the methods of one use: `prefix`, the message and each of `suffixes`.
    fn take(
        &mut self,
        kind: &str,
        prefix: &str,
        suffixes: &[&str],
        topic: &TopicUse,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let names: Vec<_> = suffixes
            .iter()
            .map(|suffix| format!("{prefix}{}{suffix}", topic.message.snake()))
            .collect();
        let what = format!("the {kind} `{}`", topic.message.written());
        self.taken.take(&names, &what, &topic.position, diagnostics);
    }
}
