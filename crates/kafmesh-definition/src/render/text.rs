//! Diagnostics for people: message, excerpt and help, drawn by miette.

use std::fmt;
use std::sync::Arc;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, NarratableReportHandler, Severity,
    SourceCode,
};

use super::excerpt::Excerpts;
use crate::diagnostic::{Diagnostic, Diagnostics, Label};
use crate::position::{Excerpt, Position};

/// Wide enough for messages with paths, narrow enough for half a screen.
const WIDTH: usize = 100;
/// More mistakes than anybody reads: the file is not what it was taken for.
const MAX_SHOWN: usize = 1_000;
/// Places at most this many lines apart share an excerpt: with a line of context around each, their
/// excerpts touch.
const NEAR: usize = 3;

/// How [`Diagnostics::to_text`] draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextStyle {
    /// Lines and marks in Unicode, without colour.
    Plain,
    /// As `Plain`, in colour (ANSI escape sequences).
    Color,
    /// Sentences only, for screen readers.
    Narrated,
}

impl Diagnostics {
    /// The mistakes for people: each with its place, an excerpt and what to do about it.
    ///
    /// The result is empty when nothing is wrong, and ends with a line break otherwise.
    #[must_use]
    pub fn to_text(&self, style: TextStyle) -> String {
        let mut text = String::new();
        for diagnostic in self.iter().take(MAX_SHOWN) {
            if !text.is_empty() {
                text.push('\n');
            }
            // Writing into a string cannot fail.
            let _ = render(diagnostic, style, &mut text);
        }
        if self.len() > MAX_SHOWN {
            text.push_str(&format!("\nand {} more mistakes\n", self.len() - MAX_SHOWN));
        }
        // miette pads some lines; files and logs are the better for it without.
        text.lines()
            .flat_map(|line| [line.trim_end(), "\n"])
            .collect()
    }
}

fn render(diagnostic: &Diagnostic, style: TextStyle, text: &mut String) -> fmt::Result {
    let report = Report::from_diagnostic(diagnostic);
    let graphical = |theme| {
        GraphicalReportHandler::new_themed(theme)
            .with_width(WIDTH)
            .with_context_lines(1)
    };
    match style {
        TextStyle::Plain => {
            graphical(GraphicalTheme::unicode_nocolor()).render_report(text, &report)
        }
        TextStyle::Color => graphical(GraphicalTheme::unicode()).render_report(text, &report),
        TextStyle::Narrated => NarratableReportHandler::new()
            .with_context_lines(1)
            .render_report(text, &report),
    }
}

/// A diagnostic as miette wants it: one file, with places elsewhere as reports of their own.
struct Report<'a> {
    message: String,
    code: Option<&'a str>,
    help: Option<&'a str>,
    severity: Severity,
    excerpts: Option<Excerpts<'a>>,
    labels: Vec<LabeledSpan>,
    related: Vec<Report<'a>>,
}

impl<'a> Report<'a> {
    fn from_diagnostic(diagnostic: &'a Diagnostic) -> Self {
        let beside = |label: &&Label| near(&label.position, &diagnostic.position);
        let mut report = Self::new(
            &diagnostic.message,
            &diagnostic.position,
            diagnostic.label.clone(),
            Severity::Error,
        );
        report.code = Some(diagnostic.code);
        report.help = diagnostic.help.as_deref();
        for label in diagnostic.related.iter().filter(beside) {
            let span = Excerpts::span(&label.position.span());
            report.labels.push(LabeledSpan::new_with_span(
                Some(label.message.clone()),
                span,
            ));
        }
        let elsewhere = diagnostic.related.iter().filter(|label| !beside(label));
        report.related = elsewhere
            .map(|label| Report::new(&label.message, &label.position, None, Severity::Advice))
            .collect();
        report
    }

    fn new(
        message: &str,
        position: &'a Position,
        label: Option<String>,
        severity: Severity,
    ) -> Self {
        let mut report = Self {
            message: message.to_owned(),
            code: None,
            help: None,
            severity,
            excerpts: None,
            labels: Vec::new(),
            related: Vec::new(),
        };
        match &position.excerpt {
            Some(Excerpt { source, span }) => {
                report.excerpts = Some(Excerpts::new(source));
                report.labels.push(LabeledSpan::new_primary_with_span(
                    label,
                    Excerpts::span(span),
                ));
            }
            // Without an excerpt to name the file, the message has to.
            None => {
                let file = position.file.display().to_string();
                if !message.contains(&file) {
                    report.message = format!("{file}: {message}");
                }
            }
        }
        report
    }
}

fn near(a: &Position, b: &Position) -> bool {
    match (&a.excerpt, &b.excerpt) {
        (Some(first), Some(second)) => {
            Arc::ptr_eq(&first.source, &second.source) && a.line.abs_diff(b.line) <= NEAR
        }
        _ => false,
    }
}

impl miette::Diagnostic for Report<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code
            .map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.excerpts
            .as_ref()
            .map(|excerpts| excerpts as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        (!self.labels.is_empty())
            .then(|| Box::new(self.labels.iter().cloned()) as Box<dyn Iterator<Item = LabeledSpan>>)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        let related = self
            .related
            .iter()
            .map(|report| report as &dyn miette::Diagnostic);
        (!self.related.is_empty())
            .then(|| Box::new(related) as Box<dyn Iterator<Item = &dyn miette::Diagnostic>>)
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Report<'_> {}
