//! The code map of ARCHITECTURE.md and the modules there are.

use std::collections::BTreeSet;

use crate::repository::File;

/// Modules that the map names and that are not among `files`, and modules of a crate the map leaves out.
///
/// A crate's part of the map begins with its directory (`` `crates/NAME`: ``); what follows are tables whose first
/// column names modules, until the next part.
pub fn problems(architecture: &str, files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    for (directory, modules) in parts(architecture) {
        let there = |module: &str| {
            let path = format!("{directory}/src/{}", module.replace("::", "/"));
            files.iter().any(|file| {
                file.path == format!("{path}.rs") || file.path == format!("{path}/mod.rs")
            })
        };
        let gone = modules.iter().filter(|module| !there(module));
        problems.extend(gone.map(|module| format!("{directory} has no module {module}")));
        let tops: BTreeSet<&str> = modules
            .iter()
            .filter_map(|module| module.split("::").next())
            .collect();
        let library = files
            .iter()
            .find(|file| file.path == format!("{directory}/src/lib.rs"));
        let declared = library
            .map_or("", |file| file.text.as_str())
            .lines()
            .filter_map(declared);
        let left_out = declared.filter(|module| !tops.contains(module));
        problems
            .extend(left_out.map(|module| format!("the map of {directory} leaves out {module}")));
    }
    problems
}

/// The directory of each crate with a table, and the modules in it.
fn parts(architecture: &str) -> Vec<(String, Vec<String>)> {
    let map = architecture
        .split_once("\n## Code map\n")
        .map_or("", |(_, rest)| rest);
    let map = map.split("\n## ").next().unwrap_or_default();
    let mut parts: Vec<(String, Vec<String>)> = Vec::new();
    for line in map.lines() {
        if let Some((directory, _)) = line.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
            parts.push((directory.to_owned(), Vec::new()));
        } else if let (Some(cell), Some((_, modules))) = (line.strip_prefix("| "), parts.last_mut())
        {
            let cell = cell.split(" | ").next().unwrap_or_default();
            modules.extend(cell.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    parts.retain(|(_, modules)| !modules.is_empty());
    parts
}

/// The module that a line of a library declares.
fn declared(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    line.strip_prefix("mod ")?.strip_suffix(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_is_gone_or_left_out_is_found() {
        let page = "\n## Code map\n\n`crates/a`: first.\n\n| | |\n|---|---|\n| `one`, `two::three` | what |\n| `gone` | what |\n\n`crates/b`: no table.\n\n## Else\n\n| `x` | y |\n";
        let files = [
            File::new(
                "crates/a/src/lib.rs",
                "mod one;\npub mod two;\nmod left;\nuse x;\n",
            ),
            File::new("crates/a/src/one.rs", ""),
            File::new("crates/a/src/two/three/mod.rs", ""),
            File::new("crates/b/src/lib.rs", "mod other;\n"),
        ];
        assert_eq!(
            problems(page, &files),
            [
                "crates/a has no module gone",
                "the map of crates/a leaves out left"
            ]
        );
    }
}
