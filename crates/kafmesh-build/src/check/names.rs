//! Names that Rust cannot spell, or that meet once they are kept apart from the names of generated things.
//! Where the definition's own names meet, it says so itself.

use std::collections::HashMap;

use kafmesh_definition::model::Processor;
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
    for processor in definition
        .components
        .iter()
        .flat_map(|component| &component.processors)
    {
        check_processor(processor, diagnostics);
    }
}

fn check_processor(processor: &Processor, diagnostics: &mut Vec<Diagnostic>) {
    let mut driver = Scope::new(diagnostics);
    for input in &processor.inputs {
        let names = names::input(input);
        driver.add([&names.send, &names.send_delete], &input.position);
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
        let handles = component.sources.iter().map(|source| &source.topic);
        let topics = handles.chain(component.views.iter().map(|view| &view.topic));
        let processors = component.processors.iter().flat_map(|processor| {
            let outputs = processor.outputs.iter().map(|output| &output.topic);
            let topics = processor.inputs.iter().chain(outputs);
            std::iter::once((&processor.name, &processor.position))
                .chain(topics.map(|topic| (&topic.message, &topic.position)))
        });
        std::iter::once((&component.name, &component.position))
            .chain(topics.map(|topic| (&topic.message, &topic.position)))
            .chain(processors)
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
