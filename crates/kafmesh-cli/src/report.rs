//! Findings on the terminal, as text, JSON or annotations of a workflow run.

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

/// The codes of findings about generated files.
pub(crate) const MISSING: &str = "missing-file";
pub(crate) const OUTDATED: &str = "outdated-file";
pub(crate) const STALE: &str = "stale-file";
const OUT_OF_DATE: [&str; 3] = [MISSING, OUTDATED, STALE];

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
            print(&diagnostics, format)?;
            Err(Failure::Findings)
        }
    }
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
    terminal::error(&summary(diagnostics));
}

fn ended(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// What was found, in a line: mistakes to repair, or files that only need generating.
fn summary(diagnostics: &Diagnostics) -> String {
    let outdated = diagnostics
        .iter()
        .all(|found| OUT_OF_DATE.contains(&found.code));
    if outdated {
        let files = terminal::count(diagnostics.len(), "generated file");
        format!("{files} not up to date")
    } else {
        format!("{} found", terminal::count(diagnostics.len(), "mistake"))
    }
}
