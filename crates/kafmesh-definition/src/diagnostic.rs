//! Diagnostics: what is wrong with a definition, where, and what to do about it.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::position::Position;

/// One mistake in a definition.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The rule that was broken, in kebab case (`unknown-field`); stable, for tools to match on.
    pub code: &'static str,
    /// What is wrong, lower case, on one line.
    pub message: String,
    /// Where it is wrong.
    pub position: Position,
    /// What to say beside the excerpt, if anything.
    pub label: Option<String>,
    /// Other places that explain the mistake, such as the first of two conflicting settings.
    pub related: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
}

/// A place that explains a [`Diagnostic`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Label {
    /// Where.
    pub position: Position,
    /// What is there.
    pub message: String,
}

impl Diagnostic {
    /// A mistake at `position`.
    ///
    /// ```
    /// use kafmesh_definition::{Diagnostic, Diagnostics, Position};
    /// use std::path::Path;
    ///
    /// let position = Position::file_start(Path::new("docs/definition.yaml"));
    /// let diagnostic = Diagnostic::new("foreign-file", "mod.rs was not generated", &position)
    ///     .with_help("move the file, or choose another output.path");
    /// let diagnostics = Diagnostics::from(diagnostic);
    /// assert_eq!(
    ///     diagnostics.to_string(),
    ///     "docs/definition.yaml:1:1: mod.rs was not generated [foreign-file]",
    /// );
    /// ```
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>, position: &Position) -> Self {
        Self {
            code,
            message: one_line(message.into()),
            position: position.clone(),
            label: None,
            related: Vec::new(),
            help: None,
        }
    }

    /// Says something beside the excerpt.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(one_line(label.into()));
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(one_line(help.into()));
        self
    }

    /// Points at another place that explains the mistake.
    #[must_use]
    pub fn with_related(mut self, position: &Position, message: impl Into<String>) -> Self {
        self.related.push(Label {
            position: position.clone(),
            message: one_line(message.into()),
        });
        self
    }

    /// The file that is wrong.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.position.file
    }

    /// The line that is wrong, counted from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.position.line
    }

    /// The column that is wrong, in characters, counted from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.position.column
    }

    /// The bytes of the file that are wrong; empty when only the place is known.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.position.span()
    }
}

/// `text` without what would break a line or a terminal, and not longer than a reader can use:
/// messages quote names and paths, which may hold anything.
fn one_line(text: String) -> String {
    const MAX_CHARACTERS: usize = 600;
    let breaks = |c: char| c.is_control() || is_invisible(c);
    if text.len() <= MAX_CHARACTERS && !text.contains(breaks) {
        return text;
    }
    let mut line: String = text
        .chars()
        .take(MAX_CHARACTERS)
        .map(|c| if breaks(c) { '\u{fffd}' } else { c })
        .collect();
    if line.len() < text.len() && text.chars().nth(MAX_CHARACTERS).is_some() {
        line.push('…');
    }
    line
}

/// Whether a terminal would let the character change how the text around it reads.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.position, self.message, self.code)
    }
}

/// Every mistake found in one run, sorted by file, line and column.
///
/// `Display` prints one line per mistake; [`to_text`](Self::to_text), [`to_json`](Self::to_json)
/// and [`to_github`](Self::to_github) are for people, programs and workflow logs.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    diagnostics: Vec<Diagnostic>,
    files: Vec<PathBuf>,
}

impl Diagnostics {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// How many mistakes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.diagnostics.len()
    }

    /// The mistakes, sorted by file, line and column.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.diagnostics.iter()
    }

    /// The files that were read before the mistakes were reported, sorted: what to watch for a fix.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// These mistakes, after having read `files`.
    pub(crate) fn with_files(mut self, files: Vec<PathBuf>) -> Self {
        self.files = files;
        self
    }

    /// These mistakes and `other`'s, as one sorted whole.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        let mut files = self.files;
        files.extend(other.files);
        files.sort();
        files.dedup();
        self.diagnostics
            .into_iter()
            .chain(other.diagnostics)
            .collect::<Self>()
            .with_files(files)
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        let mut diagnostics: Vec<_> = diagnostics.into_iter().collect();
        diagnostics.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
        Self {
            diagnostics,
            files: Vec::new(),
        }
    }
}

fn sort_key(diagnostic: &Diagnostic) -> (&Path, usize, usize, &str, &str) {
    let position = &diagnostic.position;
    (
        &position.file,
        position.line,
        position.column,
        diagnostic.code,
        &diagnostic.message,
    )
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        std::iter::once(diagnostic).collect()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.diagnostics.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}
