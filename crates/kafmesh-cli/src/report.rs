//! Findings on the terminal, as text, JSON or annotations of a workflow run.

use std::collections::HashSet;

use clap::ValueEnum;
use kafmesh_definition::{Diagnostics, TextStyle};

use crate::exit::Failure;
use crate::terminal;

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, with excerpts
    Text,
    /// For programs: a list of objects
    Json,
    /// Annotations of a GitHub workflow run
    Github,
}

/// The value of `result`, or its findings on the terminal.
///
/// With `json` there is always a document on standard output, also when nothing was found.
pub(crate) fn findings<T>(result: Result<T, Diagnostics>, format: Format) -> Result<T, Failure> {
    match result {
        Ok(value) => {
            if format == Format::Json {
                print(&Diagnostics::default(), format)?;
            }
            Ok(value)
        }
        Err(diagnostics) => {
            print(&once(diagnostics), format)?;
            Err(Failure::Findings)
        }
    }
}

/// Every finding once: two definitions may read the same protobuf file.
fn once(diagnostics: Diagnostics) -> Diagnostics {
    let mut seen = HashSet::new();
    diagnostics
        .into_iter()
        .filter(|found| seen.insert(found.to_string()))
        .collect()
}

fn print(diagnostics: &Diagnostics, format: Format) -> Result<(), Failure> {
    match format {
        Format::Text => {
            text(diagnostics);
            Ok(())
        }
        Format::Json => terminal::print(&ended(diagnostics.to_json())),
        Format::Github => terminal::print(&ended(diagnostics.to_github())),
    }
}

/// Prints findings for people, to standard error.
pub(crate) fn text(diagnostics: &Diagnostics) {
    let style = if terminal::colours_on_stderr() {
        TextStyle::Color
    } else {
        TextStyle::Plain
    };
    terminal::say(diagnostics.to_text(style).trim_end_matches('\n'));
    let found = terminal::count(diagnostics.len(), "mistake");
    terminal::error(&format!("{found} found"));
}

fn ended(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
