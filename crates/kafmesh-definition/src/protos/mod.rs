//! Protobuf: finds the .proto files a definition names, compiles them, and knows their messages.

mod compile;
mod find;
mod imports;
mod messages;
mod nesting;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use protox::file::{File, FileResolver, GoogleFileResolver};

use crate::diagnostic::Diagnostic;
use crate::position::{Position, Source};
use crate::read::{self, MAX_PROTO_BYTES};

pub(crate) use messages::{Messages, Unresolved};

/// The compiled .proto files of a definition.
pub(crate) struct Protos {
    pub(crate) compiled: Compiled,
    /// The files that were read, also when they are broken.
    pub(crate) files: Vec<PathBuf>,
    /// Whether every file was compiled; when not, a message that is missing may be in a broken file.
    pub(crate) complete: bool,
}

/// Compiled .proto files, imports included; each comes after what it imports.
#[derive(Default)]
pub(crate) struct Compiled {
    /// With comments.
    pub(crate) set: prost_types::FileDescriptorSet,
    /// Without comments, and with the options that `prost_types` does not know.
    pub(crate) encoded: Vec<u8>,
}

/// A .proto file that could be parsed.
struct Parsed {
    name: String,
    source: Arc<Source>,
    file: File,
    /// Where each of its imports is written.
    imports: Vec<Position>,
}

/// Compiles the directories and files of `messages.protobuf`, which are relative to `base`.
pub(crate) fn load(
    entries: &[(String, Position)],
    base: &Path,
    diagnostics: &mut Vec<Diagnostic>,
) -> Protos {
    let before = diagnostics.len();
    let found = find::find(entries, base, diagnostics);
    let mut files = Vec::new();
    let mut parsed: Vec<Parsed> = Vec::new();
    let mut wanted: Vec<_> = found.files.into_iter().rev().collect();
    let mut known: std::collections::BTreeSet<String> =
        wanted.iter().map(|file| file.name.clone()).collect();
    while let Some(file) = wanted.pop() {
        files.push(file.path.clone());
        let Some(proto) = parse(file.name, &file.path, &file.named_at, diagnostics) else {
            continue;
        };
        // A file given by itself may import its neighbours.
        let dependencies = &proto.file.file_descriptor_proto().dependency;
        for (import, position) in dependencies.iter().zip(&proto.imports) {
            if !known.contains(import)
                && let Some(mut neighbour) = found.roots.iter().find_map(|root| root.find(import))
            {
                known.insert(import.clone());
                neighbour.named_at = position.clone();
                wanted.push(neighbour);
            }
        }
        parsed.push(proto);
    }
    parsed.sort_by(|a, b| a.name.cmp(&b.name));
    let order = imports::order(&parsed, &known, diagnostics);
    let compiled = compile::compile(parsed, &order, diagnostics);
    Protos {
        compiled,
        files,
        complete: diagnostics.len() == before,
    }
}

fn parse(
    name: String,
    path: &Path,
    named_at: &Position,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Parsed> {
    let source = match read::read(path, MAX_PROTO_BYTES, named_at) {
        Ok(source) => source,
        Err(diagnostic) => {
            diagnostics.push(*diagnostic);
            return None;
        }
    };
    if let Some(at) = nesting::too_deep(&source.text) {
        let message = format!("this is nested deeper than {} levels", nesting::MAX_NESTING);
        let diagnostic = Diagnostic::new("proto-nesting", message, &source.position(at..at + 1));
        diagnostics.push(
            diagnostic.with_help("give inner messages and values names of their own, outside"),
        );
        return None;
    }
    match File::from_source(&name, &source.text) {
        Ok(file) => {
            let imports = imports::positions(file.file_descriptor_proto(), &source);
            Some(Parsed {
                name,
                source,
                file,
                imports,
            })
        }
        Err(error) => {
            compile::report("proto-syntax", &error, &source, diagnostics);
            None
        }
    }
}

/// Whether protobuf itself brings this file (`google/protobuf/timestamp.proto`).
fn is_well_known(name: &str) -> bool {
    name.starts_with("google/protobuf/") && GoogleFileResolver::new().open_file(name).is_ok()
}
