//! Imports between .proto files: missing ones, cycles, and the order to compile in.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use prost_types::FileDescriptorProto;

use super::{Parsed, is_well_known};
use crate::diagnostic::Diagnostic;
use crate::position::{Position, Source};
use crate::suggest;

/// The field number of `dependency` in `FileDescriptorProto`, which source information refers to.
const DEPENDENCY_FIELD: i32 = 3;
/// How many files of a cycle are named.
const MAX_SHOWN: usize = 8;
/// How many missing imports are compared with every file there is.
const MAX_SUGGESTIONS: usize = 20;

/// Where a parsed file imports each of its dependencies, in their order.
pub(super) fn positions(descriptor: &FileDescriptorProto, source: &Arc<Source>) -> Vec<Position> {
    let mut positions = vec![source.position(0..0); descriptor.dependency.len()];
    for location in descriptor
        .source_code_info
        .iter()
        .flat_map(|info| &info.location)
    {
        let ([DEPENDENCY_FIELD, index], [line, start, end]) =
            (location.path.as_slice(), location.span.as_slice())
        else {
            continue;
        };
        let [index, line, start, end] =
            [index, line, start, end].map(|number| usize::try_from(*number).unwrap_or(0));
        if let Some(position) = positions.get_mut(index) {
            *position = source.position_at(line, start, end.saturating_sub(start));
        }
    }
    positions
}

/// The indexes of the files whose imports are all there, each after the files it imports.
///
/// Files outside that order import something that is missing, broken or part of a cycle. `known`
/// are the files that exist, whether or not they could be parsed.
pub(super) fn order(
    files: &[Parsed],
    known: &BTreeSet<String>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<usize> {
    let indexes: HashMap<&str, usize> = files
        .iter()
        .enumerate()
        .map(|(at, file)| (file.name.as_str(), at))
        .collect();
    let mut search = Search {
        files,
        indexes,
        known,
        state: vec![State::New; files.len()],
        order: Vec::new(),
        suggestions: 0,
    };
    for start in 0..files.len() {
        search.visit(start, diagnostics);
    }
    search.order
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    /// On the path from the file the search began with.
    Open,
    Usable,
    Unusable,
}

struct Search<'a> {
    files: &'a [Parsed],
    indexes: HashMap<&'a str, usize>,
    known: &'a BTreeSet<String>,
    state: Vec<State>,
    order: Vec<usize>,
    suggestions: usize,
}

impl<'a> Search<'a> {
    /// Visits what `start` imports, depth first; with its own stack, as chains may be long.
    fn visit(&mut self, start: usize, diagnostics: &mut Vec<Diagnostic>) {
        if self.state[start] != State::New {
            return;
        }
        // Each file on the path, the import to look at next, and whether all so far were usable.
        let mut path = vec![(start, 0, true)];
        self.state[start] = State::Open;
        while let Some((file, next, usable)) = path.last_mut() {
            let (at, import) = (*file, self.import(*file, *next));
            let Some(import) = import else {
                let usable = *usable;
                self.state[at] = if usable {
                    State::Usable
                } else {
                    State::Unusable
                };
                self.order.extend(usable.then_some(at));
                path.pop();
                if let Some((_, _, parent)) = path.last_mut() {
                    *parent &= usable;
                }
                continue;
            };
            let index_of_import = *next;
            *next += 1;
            match self
                .indexes
                .get(import)
                .map(|index| (*index, self.state[*index]))
            {
                Some((_, State::Usable)) => {}
                Some((_, State::Unusable)) => *usable = false,
                Some((index, State::New)) => {
                    self.state[index] = State::Open;
                    path.push((index, 0, true));
                }
                Some((index, State::Open)) => {
                    *usable = false;
                    let cycle: Vec<usize> = path
                        .iter()
                        .map(|(file, ..)| *file)
                        .skip_while(|file| *file != index)
                        .collect();
                    let closed_at = self.files[at].imports[index_of_import].clone();
                    diagnostics.push(self.cycle(&cycle, &closed_at, import));
                }
                None if self.known.contains(import) => *usable = false,
                None if is_well_known(import) => {}
                None => {
                    *usable = false;
                    let position = self.files[at].imports[index_of_import].clone();
                    diagnostics.push(self.missing(&position, import));
                }
            }
        }
    }

    fn import(&self, file: usize, index: usize) -> Option<&'a str> {
        self.files[file]
            .file
            .file_descriptor_proto()
            .dependency
            .get(index)
            .map(String::as_str)
    }

    fn cycle(&self, cycle: &[usize], closed_at: &Position, import: &str) -> Diagnostic {
        let mut names: Vec<&str> = cycle
            .iter()
            .take(MAX_SHOWN)
            .map(|file| self.files[*file].name.as_str())
            .collect();
        names.extend((cycle.len() > MAX_SHOWN).then_some("…"));
        let message = format!(
            "these imports form a cycle: {} → {import}",
            names.join(" → ")
        );
        let mut diagnostic = Diagnostic::new("proto-import-cycle", message, closed_at)
            .with_label("this import closes the cycle")
            .with_help("move what both need into a file that imports neither");
        for pair in cycle.windows(2).take(MAX_SHOWN) {
            let &[from, to] = pair else { continue };
            let (from, imported) = (&self.files[from], &self.files[to].name);
            let index = from
                .file
                .file_descriptor_proto()
                .dependency
                .iter()
                .position(|name| name == imported);
            if let Some(position) = index.and_then(|index| from.imports.get(index)) {
                diagnostic = diagnostic.with_related(position, format!("imports `{imported}`"));
            }
        }
        diagnostic
    }

    fn missing(&mut self, position: &Position, import: &str) -> Diagnostic {
        let message = format!("there is no file `{import}` to import");
        let diagnostic = Diagnostic::new("proto-missing-import", message, position);
        self.suggestions += 1;
        let near = (self.suggestions <= MAX_SUGGESTIONS)
            .then(|| suggest::nearest(import, self.known.iter().map(String::as_str)))
            .flatten();
        match near {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")),
            None => diagnostic
                .with_help("imports are looked up in the directories of `messages.protobuf`"),
        }
    }
}
