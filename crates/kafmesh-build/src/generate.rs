//! Generation: a resolved definition in, the tree of modules out; nothing is read or written.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::{Component as PathComponent, Path};

use kafmesh_definition::model::Component;
use kafmesh_definition::{Definition, Diagnostic, Diagnostics, Name, Position};
use proc_macro2::{Ident, TokenStream};
use quote::format_ident;

use crate::generated::Generated;
use crate::module::{self, Module};
use crate::{check, descriptors, doc, emit, models, names, print};

/// Generates the Rust code of `definition`.
///
/// The result depends on nothing but the definition: the same definition gives the same bytes on every
/// machine.
///
/// # Errors
///
/// Everything in the definition that cannot be generated, all at once.
///
/// ```no_run
/// # use std::path::Path;
/// let definition = kafmesh_definition::load(Path::new("docs/definition.yaml"))?;
/// let generated = kafmesh_build::generate(&definition)?;
/// kafmesh_build::write(&definition.output.path, &generated)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn generate(definition: &Definition) -> Result<Generated, Diagnostics> {
    let diagnostics = check::check(definition);
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    tree(definition).map(Generated::new).map_err(|error| {
        let position = Position::file_start(&definition.file);
        let diagnostic = Diagnostic::new("internal", error, &position)
            .with_help("this is a mistake in kafmesh, not in the definition; please report it");
        Diagnostics::from(diagnostic)
    })
}

/// The whole tree; an error is one of the generator's own.
fn tree(definition: &Definition) -> Result<Module, String> {
    let sources = display(&definition.file, definition);
    let ident = format_ident!("service");
    let body = format(emit::service::emit(definition));
    let mut service = Module::new(&ident, "service.km.rs".to_owned(), &sources, body);
    service.docs = vec!["The service: what it is, what runs it and what tests it.".to_owned()];
    service.children = vec![descriptors::emit(definition, &sources)?];

    let (components, models) = std::thread::scope(|scope| {
        let models = scope.spawn(|| models::emit(&definition.protos, &sources));
        let components = components(definition, &sources);
        (
            components,
            models.join().unwrap_or_else(|panic| resume_unwind(panic)),
        )
    });
    let mut children = components;
    children.push(models?);
    children.push(service);
    children.sort_by(|a, b| a.path.cmp(&b.path));

    let mut docs = vec![format!(
        "The service {}.",
        doc::code(definition.name.written())
    )];
    if !definition.description.trim().is_empty() {
        docs.push(String::new());
        docs.extend(doc::markdown(&definition.description));
    }
    Ok(Module {
        ident: String::new(),
        public: true,
        path: "mod.rs".to_owned(),
        sources,
        docs,
        allowed: None,
        body: "pub use self::service::{Components, Service, ServiceTest};\n".to_owned(),
        children,
    })
}

/// The modules of all components, made on all processors.
fn components(definition: &Definition, sources: &str) -> Vec<Module> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = definition.components.len().div_ceil(threads).max(1);
    let make = |component| self::component(definition, component, sources);
    std::thread::scope(|scope| {
        let workers: Vec<_> = definition
            .components
            .chunks(share)
            .map(|share| scope.spawn(move || share.iter().map(make).collect::<Vec<_>>()))
            .collect();
        let modules = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
        modules.collect()
    })
}

fn component(definition: &Definition, component: &Component, definition_file: &str) -> Module {
    let sources = format!(
        "{definition_file}, {}",
        display(&component.file, definition)
    );
    let directory = names::component(&component.name).module;
    let leaf = |ident: &Ident, docs: String, tokens: TokenStream| {
        let path = module::leaf_file(&directory, ident);
        let mut module = Module::new(ident, path, &sources, format(tokens));
        module.docs = vec![docs];
        module
    };

    let mut children = vec![leaf(
        &format_ident!("component"),
        format!("The component {}.", doc::code(component.name.written())),
        emit::component::emit(component),
    )];
    for processor in &component.processors {
        children.push(leaf(
            &names::processor(&processor.name).module,
            format!("The processor {}.", doc::code(processor.name.written())),
            emit::processor::emit(processor),
        ));
    }
    for source in &component.sources {
        children.push(leaf(
            &names::source(&source.topic.message).module,
            format!(
                "The source of {} messages.",
                doc::code(source.topic.message.written())
            ),
            emit::source::emit(source),
        ));
    }
    for view in &component.views {
        children.push(leaf(
            &names::view(&view.topic.message).module,
            format!(
                "The view of {} messages.",
                doc::code(view.topic.message.written())
            ),
            emit::view::emit(view),
        ));
    }

    let titled = |kind: &str, name: &Name| format!("The {kind} {}.", doc::code(name.written()));
    for sink in &component.sinks {
        children.push(leaf(
            &names::sink(&sink.name).module,
            titled("sink", &sink.name),
            emit::sink::emit(sink),
        ));
    }
    for source in &component.view_sources {
        children.push(leaf(
            &names::view_source(&source.name).module,
            titled("view source", &source.name),
            emit::view_source::emit(source),
        ));
    }
    for sink in &component.view_sinks {
        children.push(leaf(
            &names::view_sink(&sink.name).module,
            titled("view sink", &sink.name),
            emit::view_sink::emit(sink),
        ));
    }
    if emit::shared_state::is_needed(component) {
        children.push(leaf(
            &emit::shared_state::module(),
            "The processors that share the component's state.".to_owned(),
            emit::shared_state::emit(component),
        ));
    }

    let body = format(emit::component::reexports(component));
    let path = module::directory_file(&directory);
    let mut module = Module::new(&directory, path, &sources, body);
    module.public = true;
    let summary = format!("The component {}.", doc::code(component.name.written()));
    module.docs = emit::component::with_description(summary, &component.description);
    module.children = children;
    module
}

fn format(tokens: TokenStream) -> String {
    module::spaced(&print::print(tokens))
}

/// A definition file as the header names it: the same on every machine and system.
fn display(file: &Path, definition: &Definition) -> String {
    // Absolute paths differ between machines; the definition's directory does not matter.
    let base = definition
        .file
        .parent()
        .filter(|_| definition.file.is_absolute());
    let file = base
        .and_then(|base| file.strip_prefix(base).ok())
        .unwrap_or(file);
    let mut parts: Vec<std::borrow::Cow<'_, str>> = Vec::new();
    for part in file.components() {
        match part {
            PathComponent::CurDir | PathComponent::RootDir | PathComponent::Prefix(_) => {}
            PathComponent::ParentDir if parts.last().is_some_and(|last| last != "..") => {
                parts.pop();
            }
            other => parts.push(other.as_os_str().to_string_lossy()),
        }
    }
    // The header is one line whatever the file is called.
    parts.join("/").replace(char::is_control, "\u{FFFD}")
}
