//! Diagnostics for programs: one JSON array of a stable shape.

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::position::Position;

/// One mistake as JSON; fields are added at most, never renamed or removed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding<'a> {
    code: &'a str,
    severity: &'static str,
    message: &'a str,
    #[serde(flatten)]
    place: Place,
    /// The bytes of the file that are wrong: offset and length.
    offset: usize,
    length: usize,
    label: Option<&'a str>,
    help: Option<&'a str>,
    related: Vec<Related<'a>>,
}

#[derive(Serialize)]
struct Related<'a> {
    message: &'a str,
    #[serde(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Place {
    file: String,
    line: usize,
    column: usize,
}

impl Place {
    fn new(position: &Position) -> Self {
        Self {
            file: position.file.display().to_string(),
            line: position.line,
            column: position.column,
        }
    }
}

impl<'a> Finding<'a> {
    fn new(diagnostic: &'a Diagnostic) -> Self {
        let span = diagnostic.span();
        let related = diagnostic.related.iter();
        Self {
            code: diagnostic.code,
            severity: "error",
            message: &diagnostic.message,
            place: Place::new(&diagnostic.position),
            offset: span.start,
            length: span.len(),
            label: diagnostic.label.as_deref(),
            help: diagnostic.help.as_deref(),
            related: related
                .map(|label| Related {
                    message: &label.message,
                    place: Place::new(&label.position),
                })
                .collect(),
        }
    }
}

impl Diagnostics {
    /// The mistakes for programs: a JSON array, `[]` when nothing is wrong.
    ///
    /// Each element has `code`, `severity`, `message`, `file`, `line`, `column` (from 1, in
    /// characters), `offset`, `length` (in bytes), `label`, `help` (both may be `null`) and
    /// `related`, an array of `message`, `file`, `line`, `column`.
    #[must_use]
    pub fn to_json(&self) -> String {
        let findings: Vec<_> = self.iter().map(Finding::new).collect();
        // Strings and numbers always have a JSON form.
        serde_json::to_string_pretty(&findings).unwrap_or_default()
    }
}
