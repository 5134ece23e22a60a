//! Imports between .proto files: missing ones, cycles, and the order to compile in.

use std::collections::{HashMap, HashSet};

use super::{Parsed, is_well_known};
use crate::diagnostic::Diagnostic;
use crate::position::Position;
use crate::suggest;

/// The field number of `dependency` in `FileDescriptorProto`, which source information refers to.
const DEPENDENCY_FIELD: i32 = 3;

/// Where `file` imports `import`.
pub(super) fn position(file: &Parsed, import: &str) -> Position {
    let descriptor = file.file.file_descriptor_proto();
    let index = descriptor.dependency.iter().position(|name| name == import);
    let span = descriptor
        .source_code_info
        .iter()
        .flat_map(|info| &info.location)
        .find(|location| match (location.path.as_slice(), index) {
            ([DEPENDENCY_FIELD, at], Some(index)) => usize::try_from(*at) == Ok(index),
            _ => false,
        })
        .map(|location| location.span.as_slice());
    let Some([line, start, end]) = span else {
        return file.source.position(0..0);
    };
    let [line, start, end] =
        [*line, *start, *end].map(|number| usize::try_from(number).unwrap_or_default());
    file.source
        .position_at(line, start, end.saturating_sub(start))
}

/// The indexes of the files whose imports are all there, each after the files it imports.
///
/// Files outside that order import something that is missing, broken or part of a cycle. `known`
/// are the files that exist, whether or not they could be parsed.
pub(super) fn order(
    files: &[Parsed],
    known: &HashSet<String>,
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
    known: &'a HashSet<String>,
    state: Vec<State>,
    order: Vec<usize>,
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
                    diagnostics.push(self.cycle(&cycle, at, import));
                }
                None if self.known.contains(import) => *usable = false,
                None if is_well_known(import) => {}
                None => {
                    *usable = false;
                    diagnostics.push(self.missing(at, import));
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

    fn cycle(&self, cycle: &[usize], closes: usize, import: &str) -> Diagnostic {
        let names: Vec<&str> = cycle
            .iter()
            .map(|file| self.files[*file].name.as_str())
            .collect();
        let message = format!(
            "these imports form a cycle: {} → {import}",
            names.join(" → ")
        );
        let mut diagnostic = Diagnostic::new(
            "proto-import-cycle",
            message,
            &position(&self.files[closes], import),
        )
        .with_label("this import closes the cycle")
        .with_help("move what both need into a file that imports neither");
        for pair in cycle.windows(2) {
            if let [from, to] = pair {
                let imported = &self.files[*to].name;
                diagnostic = diagnostic.with_related(
                    &position(&self.files[*from], imported),
                    format!("imports `{imported}`"),
                );
            }
        }
        diagnostic
    }

    fn missing(&self, file: usize, import: &str) -> Diagnostic {
        let message = format!("there is no file `{import}` to import");
        let diagnostic = Diagnostic::new(
            "proto-missing-import",
            message,
            &position(&self.files[file], import),
        );
        match suggest::nearest(import, self.known.iter().map(String::as_str)) {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")),
            None => diagnostic
                .with_help("imports are looked up in the directories of `messages.protobuf`"),
        }
    }
}
