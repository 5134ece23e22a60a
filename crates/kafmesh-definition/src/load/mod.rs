//! Loading: reads a definition with everything it names, checks it as a whole, and resolves it.

mod component;
mod files;
mod lookup;
mod names;
mod processor;
mod service;
mod settings;
mod topics;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use crate::copartition;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Definition;
use crate::name::Name;
use crate::position::{Position, Source};
use crate::protos::{self, Compiled, Messages};
use crate::raw::{RawComponent, RawDefinition};
use crate::read::{MAX_YAML_BYTES, normalized, read};
use crate::suggest;
use crate::yaml::{self, Field};

/// Loads a definition: reads the file, its components and its .proto files, checks everything, and
/// resolves names, topics, settings and message types.
///
/// ```no_run
/// # fn main() -> Result<(), kafmesh_definition::Diagnostics> {
/// let definition = kafmesh_definition::load("docs/definition.yaml".as_ref())?;
/// for topic in &definition.topics {
///     println!("{}", topic.name);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// All mistakes of the definition at once, sorted by place.
pub fn load(path: &Path) -> Result<Definition, Diagnostics> {
    let mut run = Run::default();
    let definition = run.definition(&normalized(path));
    let mut files = run.files;
    files.sort();
    files.dedup();
    match definition {
        Some(definition) if run.diagnostics.is_empty() => Ok(Definition {
            files,
            ..definition
        }),
        _ => Err(run
            .diagnostics
            .into_iter()
            .collect::<Diagnostics>()
            .with_files(files)),
    }
}

/// One run of [`load`]: what was found wrong and read so far.
#[derive(Default)]
struct Run {
    diagnostics: Vec<Diagnostic>,
    files: Vec<PathBuf>,
}

/// A mapping of the YAML with the file it is in.
struct Located<T> {
    raw: T,
    /// Where the mapping begins.
    span: Range<usize>,
    source: Arc<Source>,
}

impl<T> Located<T> {
    fn position(&self) -> Position {
        self.source.position(self.span.clone())
    }
}

impl Run {
    fn definition(&mut self, path: &Path) -> Option<Definition> {
        let definition: Located<RawDefinition> =
            self.read_yaml(path, &Position::file_start(path))?;
        let base = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let (name, position) = self.service_name(&definition);
        let output = self.output(&definition);
        let defaults = self.defaults(&definition);
        let components = self.components(&definition, path, &base);
        let (protos, messages) = self.protos(&definition, &base);

        let mut resolver =
            component::Resolver::new(name.clone(), messages, defaults, &mut self.diagnostics);
        let components: Vec<_> = components
            .iter()
            .filter_map(|component| resolver.component(component))
            .collect();
        let topics = resolver.finish(&definition.position());
        let known = |name: &str| {
            let found = topics.binary_search_by(|topic| topic.name.as_str().cmp(name));
            copartition::known(&topics[found.ok()?])
        };
        copartition::check(&components, known, &mut self.diagnostics);
        Some(Definition {
            name,
            description: definition
                .raw
                .description
                .value()
                .cloned()
                .unwrap_or_default(),
            file: path.to_path_buf(),
            output: output?,
            components,
            topics,
            protos: protos.set,
            encoded_protos: protos.encoded,
            files: Vec::new(),
            position,
        })
    }

    /// Reads a YAML file that holds a `T`.
    fn read_yaml<T: for<'de> Deserialize<'de>>(
        &mut self,
        path: &Path,
        named_at: &Position,
    ) -> Option<Located<T>> {
        self.files.push(path.to_path_buf());
        let parsed = read(path, MAX_YAML_BYTES, named_at)
            .and_then(|source| Ok((yaml::parse(&source, &mut self.diagnostics)?, source)));
        let (node, source) = match parsed {
            Ok(parsed) => parsed,
            Err(mut diagnostic) => {
                if diagnostic.code == "missing-file" && diagnostic.help.is_none() {
                    diagnostic.help = missing_file_help(path, named_at);
                }
                self.diagnostics.push(*diagnostic);
                return None;
            }
        };
        match yaml::decode(&node, &source, &mut self.diagnostics) {
            Field::Given(raw, span) => Some(Located { raw, span, source }),
            Field::Invalid => None,
            Field::Absent => {
                let message = "the file is empty";
                let diagnostic = Diagnostic::new("empty-file", message, &source.position(0..0));
                self.diagnostics
                    .push(diagnostic.with_help("it needs at least a `name`"));
                None
            }
        }
    }

    fn components(
        &mut self,
        definition: &Located<RawDefinition>,
        path: &Path,
        base: &Path,
    ) -> Vec<Located<RawComponent>> {
        let patterns: Vec<_> = definition
            .raw
            .components
            .iter()
            .map(|(pattern, span)| (pattern.clone(), definition.source.position(span.clone())))
            .collect();
        let found = files::find(&patterns, path, base, &mut self.diagnostics);
        found
            .into_iter()
            .filter_map(|(file, named_at)| self.read_yaml(&file, &named_at))
            .collect()
    }

    /// The compiled protos, and their messages unless nothing says where they are.
    fn protos(
        &mut self,
        definition: &Located<RawDefinition>,
        base: &Path,
    ) -> (Compiled, lookup::Known) {
        let entries: Vec<_> = definition
            .raw
            .messages
            .value()
            .map_or_else(Vec::new, |messages| {
                let given = messages.protobuf.iter();
                given
                    .map(|(path, span)| (path.clone(), definition.source.position(span.clone())))
                    .collect()
            });
        if entries.is_empty() {
            let invalid = matches!(definition.raw.messages, Field::Invalid)
                || definition
                    .raw
                    .messages
                    .value()
                    .is_some_and(|messages| !messages.protobuf.0.is_empty());
            let known = if invalid {
                lookup::Known::Incomplete(Messages::new(&Default::default()))
            } else {
                lookup::Known::NoProtos
            };
            return (Compiled::default(), known);
        }
        let protos = protos::load(&entries, base, &mut self.diagnostics);
        self.files.extend(protos.files);
        let messages = Messages::new(&protos.compiled.set);
        let known = if protos.complete {
            lookup::Known::Complete(messages)
        } else {
            lookup::Known::Incomplete(messages)
        };
        (protos.compiled, known)
    }
}

/// What to do about a file that is missing; `named_at` is in another file unless it was asked for by hand.
fn missing_file_help(path: &Path, named_at: &Position) -> Option<String> {
    let listed = std::fs::read_dir(
        path.parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new(".")),
    );
    let names: Vec<String> = listed
        .into_iter()
        .flatten()
        .flatten()
        .take(1_000)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    let near = path
        .file_name()
        .and_then(|wrong| suggest::nearest(wrong.to_str()?, names.iter().map(String::as_str)))
        .map(|near| format!("did you mean `{}`?", path.with_file_name(near).display()));
    let by_hand = *named_at.file == *path;
    near.or_else(|| (!by_hand).then(|| "paths are relative to the definition file".into()))
}

/// The name in `field`, which must be there and hold a letter or digit.
fn required_name(
    field: &Field<String>,
    what: &str,
    object: &Position,
    source: &Arc<Source>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(Name, Position)> {
    let (written, span) = required(field, "name", what, object, diagnostics)?;
    let position = source.position(span.clone());
    let name = Name::new(written.as_str());
    if name.words().is_empty() {
        let message = format!("the name of {what} has neither a letter nor a digit");
        diagnostics.push(Diagnostic::new("invalid-name", message, &position));
        return None;
    }
    Some((name, position))
}

/// The value of `field`, which must be there.
fn required<'a, T>(
    field: &'a Field<T>,
    name: &str,
    what: &str,
    object: &Position,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(&'a T, &'a Range<usize>)> {
    if matches!(field, Field::Absent) {
        let message = format!("{what} needs the field `{name}`");
        diagnostics.push(Diagnostic::new("missing-field", message, object));
    }
    field.given()
}
