//! Names that Rust cannot spell, or that meet once they are kept apart from the names of generated things.
//! Where the definition's own names meet, it says so itself.

use std::collections::HashMap;

use kafmesh_definition::model::{Component, Processor};
use kafmesh_definition::{Definition, Diagnostic, Name, Position};
use proc_macro2::Ident;

use crate::names;

/// Reports every name that cannot be spelt and every second use of one Rust name.
pub(super) fn check(definition: &Definition, diagnostics: &mut Vec<Diagnostic>) {
    let before = diagnostics.len();
    for (name, position) in all(definition) {
        if !names::is_speakable(&name.snake()) {
            let message = format!("`{}` has no Rust name", name.written());
            let diagnostic = Diagnostic::new("unspeakable-name", message, position)
                .with_help("use letters and digits, with at least one of them");
            diagnostics.push(diagnostic);
        }
    }
    if diagnostics.len() > before {
        // Without names there is nothing to compare.
        return;
    }

    let mut methods = Scope::new(diagnostics);
    for component in &definition.components {
        let method = names::component(&component.name).method;
        methods.add([&method], &component.position);
    }
    for component in &definition.components {
        check_component(component, diagnostics);
        for processor in &component.processors {
            check_processor(processor, diagnostics);
        }
    }
}

/// The methods of a component's type: handles are called like their modules, the others `register_…`.
fn check_component(component: &Component, diagnostics: &mut Vec<Diagnostic>) {
    let mut methods = Scope::new(diagnostics);
    for source in &component.sources {
        let names = names::source(&source.topic.message);
        methods.add([&names.module], &source.position);
    }
    for view in &component.views {
        let names = names::view(&view.topic.message);
        methods.add([&names.module], &view.position);
    }
    for processor in component.processors.iter().filter(|it| !it.shares_state) {
        let names = names::processor(&processor.name);
        methods.add([&names.register], &processor.position);
    }
    for sink in &component.sinks {
        methods.add([&names::sink(&sink.name).register], &sink.position);
    }
    for source in &component.view_sources {
        let names = names::view_source(&source.name);
        methods.add([&names.register], &source.position);
    }
    for sink in &component.view_sinks {
        let names = names::view_sink(&sink.name);
        methods.add([&names.register], &sink.position);
    }
}

fn check_processor(processor: &Processor, diagnostics: &mut Vec<Diagnostic>) {
    let mut driver = Scope::new(diagnostics);
    for input in &processor.inputs {
        let names = names::input(input);
        driver.add([&names.send, &names.send_delete], &input.position);
    }
    let joins = processor.joins.iter().map(|join| (names::join(join), join));
    let lookups = processor.lookups.iter();
    let lookups = lookups.map(|lookup| (names::lookup(lookup), lookup));
    for (names, topic) in joins.chain(lookups) {
        driver.add([&names.set, &names.remove], &topic.position);
    }
    let mut context = Scope::new(diagnostics);
    for output in &processor.outputs {
        let names = names::output(output);
        context.add([&names.output, &names.delete], &output.topic.position);
    }
}

/// Every name that becomes part of a Rust name, and where it is written.
fn all(definition: &Definition) -> impl Iterator<Item = (&Name, &Position)> {
    definition.components.iter().flat_map(|component| {
        let processors = component
            .processors
            .iter()
            .map(|it| (&it.name, &it.position));
        let sinks = component.sinks.iter().map(|it| (&it.name, &it.position));
        let view_sources = component
            .view_sources
            .iter()
            .map(|it| (&it.name, &it.position));
        let view_sinks = component
            .view_sinks
            .iter()
            .map(|it| (&it.name, &it.position));
        let messages = component
            .topic_uses()
            .map(|topic| (&topic.message, &topic.position));
        std::iter::once((&component.name, &component.position))
            .chain(processors)
            .chain(sinks)
            .chain(view_sources)
            .chain(view_sinks)
            .chain(messages)
    })
}

/// Names that must differ from one another.
struct Scope<'a, 'p> {
    first: HashMap<String, &'p Position>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl<'a, 'p> Scope<'a, 'p> {
    fn new(diagnostics: &'a mut Vec<Diagnostic>) -> Self {
        Self {
            first: HashMap::new(),
            diagnostics,
        }
    }

    /// Takes the names of one thing; one of them that is taken says enough.
    fn add<const N: usize>(&mut self, idents: [&Ident; N], position: &'p Position) {
        for ident in idents {
            let name = ident.to_string();
            let Some(first) = self.first.get(&name) else {
                self.first.insert(name, position);
                continue;
            };
            self.diagnostics.push(
                Diagnostic::new(
                    "rust-name-collision",
                    format!("two things would become the Rust method `{name}`"),
                    position,
                )
                .with_label("the second")
                .with_related(first, "the first")
                .with_help("rename one of them"),
            );
            return;
        }
    }
}
