//! Places in files: where something was written, and the text around it for excerpts.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// A file's text and where its lines begin; shared by every position in the file.
pub(crate) struct Source {
    pub(crate) path: Arc<Path>,
    pub(crate) text: String,
    line_starts: Vec<usize>,
}

impl Source {
    pub(crate) fn new(path: &Path, text: String) -> Arc<Self> {
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Arc::new(Self {
            path: path.into(),
            text,
            line_starts,
        })
    }

    /// The 0-based line that holds the byte at `offset`.
    pub(crate) fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset) - 1
    }

    /// The bytes of the 0-based `line`, without its end.
    pub(crate) fn line_range(&self, line: usize) -> Range<usize> {
        let start = self
            .line_starts
            .get(line)
            .copied()
            .unwrap_or(self.text.len());
        let end = self
            .line_starts
            .get(line + 1)
            .map_or(self.text.len(), |next| next - 1);
        start..end
    }

    pub(crate) fn line_count(&self) -> usize {
        self.line_starts.len()
    }

    /// The position of the bytes in `span`; out-of-range spans are moved to the end of the text.
    pub(crate) fn position(self: &Arc<Self>, span: Range<usize>) -> Position {
        let start = floor_char_boundary(&self.text, span.start);
        let end = floor_char_boundary(&self.text, span.end.max(start));
        let line = self.line_of(start);
        let before = self
            .text
            .get(self.line_range(line).start..start)
            .unwrap_or_default();
        Position {
            file: self.path.clone(),
            line: line + 1,
            column: before.chars().count() + 1,
            excerpt: Some(Excerpt {
                source: self.clone(),
                span: start..end,
            }),
        }
    }

    /// The position of a 0-based line and column (in characters), `length` characters long.
    pub(crate) fn position_at(
        self: &Arc<Self>,
        line: usize,
        column: usize,
        length: usize,
    ) -> Position {
        let range = self.line_range(line);
        let text = self.text.get(range.clone()).unwrap_or_default();
        let offset = |characters: usize| {
            text.char_indices()
                .nth(characters)
                .map_or(text.len(), |(at, _)| at)
        };
        self.position(range.start + offset(column)..range.start + offset(column + length))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.path.display())
    }
}

pub(crate) fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[derive(Debug, Clone)]
pub(crate) struct Excerpt {
    pub(crate) source: Arc<Source>,
    pub(crate) span: Range<usize>,
}

/// Where something is written: file, line and column.
///
/// A position that came out of a loaded definition also knows the text around it, so a
/// [`Diagnostic`](crate::Diagnostic) made from it shows an excerpt.
#[derive(Clone)]
#[non_exhaustive]
pub struct Position {
    /// The file, as the definition names it relative to the path that was loaded.
    pub file: Arc<Path>,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
    pub(crate) excerpt: Option<Excerpt>,
}

impl Position {
    /// The beginning of a file whose text is not at hand.
    #[must_use]
    pub fn file_start(file: &Path) -> Self {
        Self {
            file: file.into(),
            line: 1,
            column: 1,
            excerpt: None,
        }
    }

    /// The bytes of the file this position covers; empty when only the file is known.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.excerpt
            .as_ref()
            .map_or(0..0, |excerpt| excerpt.span.clone())
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Position {
    fn eq(&self, other: &Self) -> bool {
        (&self.file, self.line, self.column) == (&other.file, other.line, other.column)
    }
}

impl Eq for Position {}
