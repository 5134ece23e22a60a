//! Finds the component files that the definition's paths and patterns mean.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use glob::Pattern;

use crate::diagnostic::Diagnostic;
use crate::position::Position;
use crate::read::{identity, normalized, reason};

/// How many files and directories a pattern may look at: `/**` is a mistake.
const MAX_ENTRIES: usize = 50_000;

/// The files that `patterns` mean, relative to `base`: in the order of the patterns, those of one
/// pattern sorted, each file once.
pub(super) fn find(
    patterns: &[(String, Position)],
    definition: &Path,
    base: &Path,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(PathBuf, Position)> {
    let own = identity(definition);
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    for (written, named_at) in patterns {
        let found = match matching(written, base) {
            Ok(found) => found,
            Err(wrong) => {
                let message = format!("the pattern `{written}` {wrong}");
                diagnostics.push(Diagnostic::new("component-pattern", message, named_at));
                continue;
            }
        };
        if found.is_empty() {
            let message = format!("no file matches `{written}`");
            diagnostics.push(
                Diagnostic::new("empty-pattern", message, named_at)
                    .with_help("paths are relative to the definition file; remove the entry if there is none yet"),
            );
        }
        for path in found {
            let shown = path.display();
            let file = identity(&path);
            let problem = if file.is_some() && file == own {
                Some((
                    format!("`{written}` also matches the definition itself"),
                    "put the components into a directory of their own",
                ))
            } else if path.is_dir() {
                Some((
                    format!("`{shown}` is a directory"),
                    "name the files in it, such as `./components/*.yaml`",
                ))
            } else if !is_yaml(&path) {
                Some((
                    format!("`{shown}` is not a YAML file by its name"),
                    "components end in .yaml or .yml",
                ))
            } else {
                None
            };
            if let Some((message, help)) = problem {
                diagnostics
                    .push(Diagnostic::new("component-pattern", message, named_at).with_help(help));
            } else if file.is_none() || seen.insert(file) {
                files.push((path, named_at.clone()));
            }
        }
    }
    files
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn has_wildcards(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// The paths `written` means; without wildcards it is one path, whether or not it exists.
fn matching(written: &str, base: &Path) -> Result<Vec<PathBuf>, String> {
    if written.trim().is_empty() {
        return Err("is empty".into());
    }
    if !has_wildcards(written) {
        return Ok(vec![normalized(&base.join(written))]);
    }
    let parts: Vec<&str> = written
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let start = if written.starts_with('/') {
        PathBuf::from("/")
    } else {
        normalized(base)
    };
    let mut walk = Walk {
        entries: 0,
        found: Vec::new(),
    };
    walk.descend(start, &parts)?;
    walk.found.sort();
    walk.found.dedup();
    Ok(walk.found)
}

struct Walk {
    entries: usize,
    found: Vec<PathBuf>,
}

impl Walk {
    /// Adds the files that the remaining `parts` of the pattern match below `directory`.
    fn descend(&mut self, directory: PathBuf, parts: &[&str]) -> Result<(), String> {
        let mut pending = vec![(directory, 0)];
        while let Some((path, at)) = pending.pop() {
            let Some(part) = parts.get(at) else {
                self.found
                    .extend((!path.is_dir()).then(|| normalized(&path)));
                continue;
            };
            if *part == "**" {
                // Links to directories are not entered here: they may lead back up.
                let below = self
                    .list(&path)?
                    .into_iter()
                    .filter(|(entry, _)| entry.is_dir() && !entry.is_symlink());
                pending.extend(below.map(|(entry, _)| (entry, at)));
                pending.push((path, at + 1));
            } else if has_wildcards(part) {
                let pattern =
                    Pattern::new(part).map_err(|error| format!("is not one: {}", error.msg))?;
                let options = glob::MatchOptions {
                    require_literal_leading_dot: true,
                    ..Default::default()
                };
                let entries = self.list(&path)?.into_iter();
                pending.extend(
                    entries
                        .filter(|(_, name)| pattern.matches_with(name, options))
                        .map(|(entry, _)| (entry, at + 1)),
                );
            } else {
                let next = path.join(part);
                pending.extend(next.exists().then_some((next, at + 1)));
            }
        }
        Ok(())
    }

    fn list(&mut self, directory: &Path) -> Result<Vec<(PathBuf, String)>, String> {
        let directory = if directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            directory
        };
        if !directory.is_dir() {
            return Ok(Vec::new());
        }
        let entries = std::fs::read_dir(directory).map_err(|error| {
            format!(
                "looks into `{}`, which cannot be read: {}",
                directory.display(),
                reason(&error)
            )
        })?;
        let mut listed = Vec::new();
        for entry in entries.flatten() {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return Err(format!("looks through more than {MAX_ENTRIES} files"));
            }
            if let Ok(name) = entry.file_name().into_string() {
                listed.push((entry.path(), name));
            }
        }
        Ok(listed)
    }
}
