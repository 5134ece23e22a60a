//! Compiles parsed .proto files with protox and translates its errors.

use std::collections::HashMap;
use std::sync::Arc;

use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use super::{Compiled, Parsed};
use crate::diagnostic::Diagnostic;
use crate::position::Source;

/// Compiles `files` in `order`, in which each comes after its imports.
pub(super) fn compile(
    files: Vec<Parsed>,
    order: &[usize],
    diagnostics: &mut Vec<Diagnostic>,
) -> Compiled {
    let in_order: Vec<(String, Arc<Source>)> = order
        .iter()
        .filter_map(|index| files.get(*index))
        .map(|file| (file.name.clone(), file.source.clone()))
        .collect();
    let parsed = files
        .into_iter()
        .map(|file| (file.name, file.file))
        .collect();
    let mut resolver = ChainFileResolver::new();
    resolver.add(InMemory(parsed));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    let mut broken: HashMap<String, Arc<Source>> = HashMap::new();
    for (name, source) in in_order {
        if let Err(error) = compiler.open_file(&name) {
            // What imports a broken file fails with the same error, which is reported once.
            if error
                .file()
                .is_none_or(|file| file == name || !broken.contains_key(file))
            {
                report("proto-error", &error, &source, diagnostics);
            }
            broken.insert(name, source);
        }
    }
    let set = compiler.file_descriptor_set();
    let encoded = compiler
        .include_source_info(false)
        .encode_file_descriptor_set();
    Compiled { set, encoded }
}

/// Adds an error of protox, and those it brings along, as diagnostics in `source`.
pub(super) fn report(
    code: &'static str,
    error: &dyn miette::Diagnostic,
    source: &Arc<Source>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut labels = error.labels().into_iter().flatten().map(|label| {
        let span = label.offset()..label.offset() + label.len();
        (
            source.position(span),
            label.label().unwrap_or("here").to_owned(),
        )
    });
    // Without a place, the error is about what the file lacks: its end.
    let end = source.text.trim_end().len();
    let first = labels.next();
    let mut others: Vec<_> = labels.collect();
    // Of several places protox names the one that was there first, first.
    let (position, label) = match (first, others.pop()) {
        (Some(first), Some(last)) => {
            others.insert(0, first);
            (last.0, Some(last.1))
        }
        (Some((position, _)), None) => (position, None),
        (None, _) => (source.position(end..end), None),
    };
    let mut diagnostic = Diagnostic::new(code, error.to_string(), &position);
    diagnostic.label = label;
    diagnostic.help = error.help().map(|help| help.to_string());
    for (position, label) in others {
        diagnostic = diagnostic.with_related(&position, label);
    }
    diagnostics.push(diagnostic);
    for related in error.related().into_iter().flatten() {
        report(code, related, source, diagnostics);
    }
}

/// Files that are parsed already.
struct InMemory(HashMap<String, File>);

impl FileResolver for InMemory {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        self.0
            .get(name)
            .cloned()
            .ok_or_else(|| protox::Error::file_not_found(name))
    }
}
