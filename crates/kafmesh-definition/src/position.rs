//! Places in files: where something was written, and the text around it for excerpts.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::diagnostic::is_invisible;

/// How many bytes lie between two known character counts.
const CHECKPOINT: usize = 1024;

/// A file's text and where its lines begin; shared by every position in the file.
///
/// Lines and columns of any place are found without reading the text from its start, since a broken
/// file may have as many mistakes as characters, all on one line.
pub(crate) struct Source {
    pub(crate) path: Arc<Path>,
    pub(crate) text: String,
    line_starts: Vec<usize>,
    /// The number of characters that begin before each multiple of [`CHECKPOINT`] bytes.
    characters: Vec<usize>,
    shown: OnceLock<Option<String>>,
}

impl Source {
    pub(crate) fn new(path: &Path, text: String) -> Arc<Self> {
        let line_starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        let blocks = text.as_bytes().chunks(CHECKPOINT).scan(0, |before, block| {
            let count = *before;
            *before += characters_in(block);
            Some(count)
        });
        let characters = blocks.collect();
        Arc::new(Self {
            path: path.into(),
            text,
            line_starts,
            characters,
            shown: OnceLock::new(),
        })
    }

    /// The text as a terminal may see it: what it would obey is replaced, byte for byte.
    pub(crate) fn shown(&self) -> &str {
        let obeyed =
            |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || is_invisible(c);
        let replaced = self.shown.get_or_init(|| {
            self.text.contains(obeyed).then(|| {
                let characters = self
                    .text
                    .chars()
                    .flat_map(|c| match (obeyed(c), c.len_utf8()) {
                        (false, _) => std::iter::repeat_n(c, 1),
                        (true, 3) => std::iter::repeat_n('\u{fffd}', 1),
                        (true, width) => std::iter::repeat_n('?', width),
                    });
                characters.collect()
            })
        });
        replaced.as_deref().unwrap_or(&self.text)
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

    /// The 0-based column, in characters, of the byte at `offset`.
    pub(crate) fn column_of(&self, offset: usize) -> usize {
        let line = self.line_range(self.line_of(offset)).start;
        self.characters_before(offset) - self.characters_before(line)
    }

    fn characters_before(&self, offset: usize) -> usize {
        let block = offset / CHECKPOINT;
        let rest = self
            .text
            .as_bytes()
            .get(block * CHECKPOINT..offset)
            .unwrap_or_default();
        self.characters.get(block).map_or_else(
            // Only the end of a text that fills its last block has no block of its own.
            || {
                self.characters.last().map_or(0, |last| {
                    last + characters_in(&self.text.as_bytes()[(block - 1) * CHECKPOINT..])
                })
            },
            |before| before + characters_in(rest),
        )
    }

    /// The byte at which the 0-based `character` begins.
    fn byte_of(&self, character: usize) -> usize {
        let block = self
            .characters
            .partition_point(|before| *before <= character)
            .saturating_sub(1);
        let start = floor_char_boundary(&self.text, block * CHECKPOINT);
        let skipped = character - self.characters_before(start).min(character);
        let rest = self.text.get(start..).unwrap_or_default();
        rest.char_indices()
            .nth(skipped)
            .map_or(self.text.len(), |(at, _)| start + at)
    }

    /// The position of the bytes in `span`; out-of-range spans are moved to the end of the text.
    pub(crate) fn position(self: &Arc<Self>, span: Range<usize>) -> Position {
        let start = floor_char_boundary(&self.text, span.start);
        let end = floor_char_boundary(&self.text, span.end.max(start));
        Position {
            file: self.path.clone(),
            line: self.line_of(start) + 1,
            column: self.column_of(start) + 1,
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
        let first = self.characters_before(range.start);
        let offset = |column: usize| {
            self.byte_of(first.saturating_add(column))
                .clamp(range.start, range.end)
        };
        self.position(offset(column)..offset(column.saturating_add(length)))
    }
}

/// How many characters begin in `bytes`, which are part of a UTF-8 text.
fn characters_in(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .filter(|byte| **byte & 0b1100_0000 != 0b1000_0000)
        .count()
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn source(text: &str) -> Arc<Source> {
        Source::new(Path::new("file.yaml"), text.to_owned())
    }

    #[test]
    fn positions_count_characters_from_one() {
        let source = source("name: größe\n\nname: x\n");
        for (offset, line, column) in [
            (0, 1, 1),
            (6, 1, 7),
            (8, 1, 9),
            (10, 1, 10),
            (14, 2, 1),
            (15, 3, 1),
            (22, 3, 8),
            (23, 4, 1),
        ] {
            let position = source.position(offset..offset);
            assert_eq!(
                (position.line, position.column),
                (line, column),
                "at byte {offset}"
            );
        }
        assert_eq!(source.position(500..600).span(), 23..23);
        assert_eq!(source.position_at(0, 9, 2).span(), 10..13);
        assert_eq!(source.position_at(0, 50, 2).span(), 13..13);
        assert_eq!(source.position_at(9, 1, 1).span(), 23..23);
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_shown() {
        let source = source("a\u{1b}[31m\u{202e}\u{85}\tb");
        assert_eq!(source.shown(), "a?[31m\u{fffd}??\tb");
        assert_eq!(source.shown().len(), source.text.len());
    }

    proptest! {
        #[test]
        fn columns_agree_with_counting(text in "[a\u{e9}\u{1f389}\n]{0,3000}", at in 0..4000usize) {
            let source = source(&text);
            let at = floor_char_boundary(&text, at);
            let before = &text[..at];
            let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
            let position = source.position(at..at);
            prop_assert_eq!(position.line, before.matches('\n').count() + 1);
            prop_assert_eq!(position.column, text[line_start..at].chars().count() + 1);
            prop_assert_eq!(source.position_at(position.line - 1, position.column - 1, 0).span(), at..at);
        }
    }
}
