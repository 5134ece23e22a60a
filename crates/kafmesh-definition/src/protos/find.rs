//! Finds the .proto files under the directories of `messages.protobuf`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use crate::diagnostic::Diagnostic;
use crate::position::Position;
use crate::read::{identity, normalized, reason};

/// How many files and directories are looked at: a path such as `/` is a mistake.
const MAX_ENTRIES: usize = 50_000;

/// A .proto file to be compiled.
pub(super) struct Found {
    /// Its name for imports: its path below the directory that was listed.
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// Where the definition or another .proto file asks for it.
    pub(super) named_at: Position,
}

/// A directory imports are looked up in.
pub(super) struct Root {
    directory: PathBuf,
    named_at: Position,
}

impl Root {
    /// The file an import means, if this directory has it.
    pub(super) fn find(&self, import: &str) -> Option<Found> {
        let path = self.directory.join(import);
        path.is_file().then(|| Found {
            name: import.to_owned(),
            path: normalized(&path),
            named_at: self.named_at.clone(),
        })
    }
}

#[derive(Default)]
pub(super) struct FoundProtos {
    /// Sorted by name.
    pub(super) files: Vec<Found>,
    pub(super) roots: Vec<Root>,
}

/// Finds every .proto file of `entries`, each a directory or a file relative to `base`.
pub(super) fn find(
    entries: &[(String, Position)],
    base: &Path,
    diagnostics: &mut Vec<Diagnostic>,
) -> FoundProtos {
    let mut roots = Vec::new();
    let mut files: BTreeMap<String, Found> = BTreeMap::new();
    // The same file may be reached twice, by overlapping directories or links.
    let mut seen = HashSet::new();
    for (entry, named_at) in entries {
        let path = normalized(&base.join(entry));
        let (directory, found) = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => (path.clone(), walk(&path, named_at)),
            Ok(metadata) if metadata.is_file() => (
                path.parent().map(Path::to_path_buf).unwrap_or_default(),
                Ok(vec![path.clone()]),
            ),
            Ok(_) => {
                let message = format!("`{}` is neither a directory nor a file", path.display());
                diagnostics.push(Diagnostic::new("not-a-file", message, named_at));
                continue;
            }
            Err(error) => {
                let shown = path.display();
                let message = match error.kind() {
                    std::io::ErrorKind::NotFound => {
                        format!("there is no directory or file `{shown}`")
                    }
                    _ => format!("`{shown}` cannot be read: {}", reason(&error)),
                };
                let diagnostic = Diagnostic::new("missing-protos", message, named_at);
                diagnostics
                    .push(diagnostic.with_help("the path is relative to the definition file"));
                continue;
            }
        };
        let found = match found {
            Ok(found) => found,
            Err(diagnostic) => {
                diagnostics.push(*diagnostic);
                continue;
            }
        };
        if found.is_empty() {
            let message = format!("no .proto file is in `{}`", path.display());
            diagnostics.push(Diagnostic::new("missing-protos", message, named_at));
        }
        for path in found {
            let Some(name) = import_name(&directory, &path) else {
                let message = format!(
                    "the path `{}` is not UTF-8, and imports could not name it",
                    path.display()
                );
                diagnostics.push(Diagnostic::new("invalid-utf8", message, named_at));
                continue;
            };
            if !identity(&path).is_none_or(|found| seen.insert(found)) {
                continue;
            }
            if let Some(first) = files.get(&name) {
                let message = format!(
                    "`{}` and `{}` would both be imported as `{name}`",
                    first.path.display(),
                    path.display()
                );
                diagnostics.push(
                    Diagnostic::new("proto-name-collision", message, named_at)
                        .with_related(&first.named_at, "the first one is found here")
                        .with_help("rename one of them, or list a directory that contains both"),
                );
                continue;
            }
            files.insert(
                name.clone(),
                Found {
                    name,
                    path,
                    named_at: named_at.clone(),
                },
            );
        }
        roots.push(Root {
            directory,
            named_at: named_at.clone(),
        });
    }
    FoundProtos {
        files: files.into_values().collect(),
        roots,
    }
}

/// Every .proto file below `directory`, those reached through links last; directories reached by
/// several ways are entered once.
fn walk(directory: &Path, named_at: &Position) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    let mut files = BTreeSet::new();
    let mut visited = HashSet::new();
    // Ordered, so that which of several ways is taken does not depend on the machine.
    let mut pending = BTreeSet::from([(false, directory.to_path_buf())]);
    let mut entries = 0;
    while let Some((linked, directory)) = pending.pop_first() {
        if !identity(&directory).is_none_or(|found| visited.insert(found)) {
            continue;
        }
        let listing = std::fs::read_dir(&directory).map_err(|error| {
            let message = format!(
                "the directory `{}` cannot be read: {}",
                directory.display(),
                reason(&error)
            );
            Box::new(Diagnostic::new("unreadable-file", message, named_at))
        })?;
        for entry in listing.flatten() {
            entries += 1;
            if entries > MAX_ENTRIES {
                let message = format!("more than {MAX_ENTRIES} files are below this directory");
                return Err(Box::new(
                    Diagnostic::new("too-many-files", message, named_at)
                        .with_help("name the directory that holds the .proto files"),
                ));
            }
            let path = entry.path();
            let kind = entry.file_type().ok();
            let linked = linked || kind.is_some_and(|kind| kind.is_symlink());
            if kind.is_some_and(|kind| kind.is_dir()) || (linked && path.is_dir()) {
                pending.insert((linked, path));
            } else if path
                .extension()
                .is_some_and(|extension| extension == "proto")
            {
                files.insert((linked, path));
            }
        }
    }
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

fn import_name(directory: &Path, path: &Path) -> Option<String> {
    let below = path.strip_prefix(directory).unwrap_or(path);
    let parts: Option<Vec<_>> = below.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}
