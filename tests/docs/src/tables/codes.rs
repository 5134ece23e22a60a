//! The codes of findings, from the corpus of broken definitions and from the sources.

use std::collections::BTreeMap;
use std::path::Path;

use super::{code, table};
use crate::repository::{self, File};

/// Who finds what: the sources, and how a user comes to see it.
const FINDERS: &[(&str, &str)] = &[
    ("crates/kafmesh-definition/src/", "every command"),
    ("crates/kafmesh-build/src/", "`generate`"),
    ("crates/kafmesh-cli/src/", "`generate --check`"),
];

/// A row per code, with a message as an example where the corpus has one.
pub(super) fn all() -> String {
    let mut codes: BTreeMap<String, (&str, String)> = BTreeMap::new();
    let files = repository::files();
    for (directory, finder) in FINDERS {
        for file in files.iter().filter(|file| file.path.starts_with(directory)) {
            for found in written(file) {
                codes.entry(found).or_insert((finder, String::new()));
            }
        }
    }
    for (found, message) in
        corpus(&repository::root().join("crates/kafmesh-definition/tests/broken"))
    {
        let entry = codes.entry(found).or_insert((FINDERS[0].1, String::new()));
        entry.1 = message;
    }
    let rows = codes
        .into_iter()
        .map(|(found, (finder, message))| vec![code(found), finder.to_owned(), message]);
    table(&["code", "found by", "for example"], rows)
}

/// The codes that stand in the source `file` itself.
fn written(file: &File) -> Vec<String> {
    // Examples in documentation and tests make codes up.
    let code = file.text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let calls = code.split("Diagnostic::new(").skip(1);
    let literal = |call: &str| {
        let rest = call.trim_start().strip_prefix('"')?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    calls
        .filter_map(literal)
        .filter(|code| code.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .collect()
}

/// The longest message that fits into a table.
const FITS: usize = 100;

/// For each code in the corpus its first message that fits, else its shortest.
fn corpus(directory: &Path) -> BTreeMap<String, String> {
    let mut cases: Vec<_> = std::fs::read_dir(directory)
        .expect("the corpus")
        .map(|entry| entry.expect("a case").path())
        .collect();
    cases.sort();
    let mut messages: BTreeMap<String, String> = BTreeMap::new();
    for case in cases.iter().filter(|case| case.is_dir()) {
        let Err(diagnostics) = kafmesh_definition::load(&case.join("definition.yaml")) else {
            continue;
        };
        for diagnostic in &diagnostics {
            // Paths of this machine become paths as the case's author would see them.
            let message = diagnostic
                .message
                .replace(&format!("{}/", case.display()), "");
            if message.contains(&directory.display().to_string()) {
                continue;
            }
            // A message about nothing is a poor example: two backticks would begin code, too.
            let fits = |message: &str| message.len() <= FITS && !message.contains("``");
            let kept = messages
                .entry(diagnostic.code.to_owned())
                .or_insert_with(|| message.clone());
            if !fits(kept) && (fits(&message) || message.len() < kept.len()) {
                *kept = message;
            }
        }
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_from_the_sources() {
        let text = "Diagnostic::new(\n    \"two-words\",\n    \"A message\")\nDiagnostic::new(code, \"x\")\nDiagnostic::new(\"one\", m)\n/// Diagnostic::new(\"none\")\n#[cfg(test)]\nDiagnostic::new(\"none\")";
        assert_eq!(written(&File::new("a.rs", text)), ["two-words", "one"]);
    }
}
