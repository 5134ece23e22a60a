//! Excerpts: hands miette the lines around a span, in time that depends on those lines only.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::position::{Source, floor_char_boundary};

/// The most bytes shown of one line, and of one excerpt.
const MAX_LINE: usize = 160;
const MAX_EXCERPT: usize = 4_096;

/// The text of a file as miette may show it.
pub(super) struct Excerpts<'a> {
    source: &'a Source,
    text: &'a str,
}

impl<'a> Excerpts<'a> {
    pub(super) fn new(source: &'a Source) -> Self {
        Self {
            source,
            text: source.shown(),
        }
    }

    /// A span that fits into an excerpt.
    pub(super) fn span(range: &Range<usize>) -> SourceSpan {
        (range.start, range.len().min(MAX_LINE / 2)).into()
    }

    /// The bytes to show for `span`: whole lines unless they are too long.
    fn window(&self, span: &Range<usize>, before: usize, after: usize) -> Range<usize> {
        let (first, last) = (
            self.source.line_of(span.start),
            self.source.line_of(span.end),
        );
        let lines = |from: usize, to: usize| {
            self.source.line_range(from).start..self.source.line_range(to).end
        };
        let short = |from: usize, to: usize| {
            lines(from, to).len() <= MAX_EXCERPT
                && (from..=to).all(|line| self.source.line_range(line).len() <= MAX_LINE)
        };
        let around = (
            first.saturating_sub(before),
            (last + after).min(self.source.line_count() - 1),
        );
        if short(around.0, around.1) {
            lines(around.0, around.1)
        } else if short(first, last) {
            lines(first, last)
        } else {
            let line = lines(first, last);
            let start = span.start.saturating_sub(MAX_LINE / 2).max(line.start);
            let end = (span.end + MAX_LINE / 2).min(line.end);
            floor_char_boundary(self.text, start)..floor_char_boundary(self.text, end)
        }
    }
}

impl SourceCode for Excerpts<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let start = span.offset().min(self.text.len());
        let end = span
            .offset()
            .saturating_add(span.len())
            .min(self.text.len());
        if end - start > MAX_EXCERPT {
            // Two labels too far apart for one excerpt; each then gets its own.
            return Err(MietteError::OutOfBounds);
        }
        // Asked for no context, miette wants to know where the span itself is.
        let window = if before + after == 0 {
            start..end
        } else {
            self.window(&(start..end), before, after)
        };
        let line = self.source.line_of(window.start);
        let lines = self.source.line_of(window.end) - line + 1;
        let data = self.text.get(window.clone()).unwrap_or_default().as_bytes();
        let span = (window.start, window.len()).into();
        let name = self.source.path.display().to_string();
        let column = self.source.column_of(window.start);
        Ok(Box::new(MietteSpanContents::new_named(
            name, data, span, line, column, lines,
        )))
    }
}
