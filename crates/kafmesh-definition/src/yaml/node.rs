//! Parses YAML text into a tree in which every value knows where it was written.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{DuplicateKeyPolicy, Error, Location, MessageFormatter, Spanned};

use crate::diagnostic::Diagnostic;
use crate::position::{Position, Source};

/// The deepest nesting a definition may have; real ones need six.
const MAX_DEPTH: usize = 32;
/// How many values aliases (`*name`) may expand to; a definition needs none.
const MAX_ALIASED_VALUES: usize = 20_000;

/// A YAML value and where it is written.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) span: Range<usize>,
}

#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// Any number, as written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key of a mapping.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    pub(crate) span: Range<usize>,
}

impl Node {
    /// What the value is, for messages.
    pub(crate) fn kind(&self) -> String {
        match &self.value {
            Value::Null => "nothing".into(),
            Value::Bool(value) => format!("`{value}`, a boolean"),
            Value::Number(text) => format!("the number `{text}`"),
            Value::Text(text) => format!("the text `{}`", shortened(text)),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a mapping".into(),
        }
    }
}

/// At most 40 characters of `text`, on one line, for messages.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.replace(char::is_control, " ");
    if line.chars().count() <= 40 {
        return line;
    }
    line.chars().take(39).chain(['…']).collect()
}

/// Parses the one document of `source`; duplicate keys are added to `diagnostics`.
///
/// # Errors
///
/// The text is not YAML, or goes beyond the limits on nesting and aliases.
pub(crate) fn parse(
    source: &Arc<Source>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Node, Box<Diagnostic>> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_documents: 2,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        with_snippet: false,
        emit_comments: false,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_ALIASED_VALUES,
        },
    };
    let parsed: Spanned<Parsed> = serde_saphyr::from_str_with_options(&source.text, options)
        .map_err(|error| Box::new(syntax_error(source, &error)))?;
    let mut builder = Builder {
        source,
        diagnostics,
    };
    Ok(builder.node(parsed))
}

fn syntax_error(source: &Arc<Source>, error: &Error) -> Diagnostic {
    let position = error
        .location()
        .map_or_else(|| source.position(0..0), |at| located(source, at));
    let mut error = error.without_snippet();
    while let Error::AliasError { error: inner, .. } = error {
        error = inner;
    }
    let too_much = |message: String, help: &str| {
        Diagnostic::new("yaml-limit", message, &position).with_help(help)
    };
    let too_deep = || {
        too_much(
            format!("this is nested deeper than {MAX_DEPTH} levels"),
            "no part of a definition nests deeper than six levels",
        )
    };
    match error {
        Error::Budget {
            breach: serde_saphyr::budget::BudgetBreach::Depth { .. },
            ..
        } => too_deep(),
        // The parser below serde-saphyr counts brackets itself, and says so only in words.
        other if other.to_string().contains("recursion limit exceeded") => too_deep(),
        Error::AliasReplayLimitExceeded { .. } => too_much(
            format!("aliases expand to more than {MAX_ALIASED_VALUES} values"),
            "write the values out, or split the component",
        ),
        Error::MultipleDocuments { .. } => Diagnostic::new(
            "yaml-syntax",
            "a second document begins here, and a file holds only one",
            &position,
        )
        .with_help("move it to a file of its own; every component has its own file"),
        other => {
            let message = serde_saphyr::UserMessageFormatter.format_message(other);
            let mut diagnostic = Diagnostic::new(
                "yaml-syntax",
                format!("this is not YAML: {}", shortened_message(&message)),
                &position,
            );
            diagnostic.help = help_on(&message).map(str::to_owned);
            diagnostic
        }
    }
}

/// What to do about the mistakes made most.
fn help_on(message: &str) -> Option<&'static str> {
    const HELP: [(&str, &str); 5] = [
        ("tabs", "indent with spaces"),
        (
            "indicator",
            "put text that contains `: ` in quotes, and close every `[` and `{`",
        ),
        (
            "expected key",
            "entries of one mapping begin in the same column",
        ),
        (
            "unknown value",
            "an alias `*name` needs an anchor `&name` before it; put text that begins with `*` in quotes",
        ),
        (
            "unclosed quote",
            "end the text with the quote it begins with",
        ),
    ];
    HELP.iter()
        .find(|(part, _)| message.contains(part))
        .map(|(_, help)| *help)
}

fn shortened_message(message: &str) -> String {
    let line = message
        .lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches('.');
    line.chars().take(200).collect()
}

fn located(source: &Arc<Source>, location: Location) -> Position {
    let line = usize::try_from(location.line())
        .unwrap_or(1)
        .saturating_sub(1);
    let column = usize::try_from(location.column())
        .unwrap_or(1)
        .saturating_sub(1);
    source.position_at(line, column, 1)
}

struct Builder<'a> {
    source: &'a Arc<Source>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Builder<'_> {
    fn node(&mut self, parsed: Spanned<Parsed>) -> Node {
        let span = self.span(parsed.referenced);
        let text = |range: &Range<usize>| {
            self.source
                .text
                .get(range.clone())
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        let value = match parsed.value {
            Parsed::Null => Value::Null,
            Parsed::Bool(value) => Value::Bool(value),
            Parsed::Number(number) => {
                let written = text(&self.span(parsed.defined));
                Value::Number(if written.is_empty() { number } else { written })
            }
            Parsed::Text(text) => Value::Text(text),
            Parsed::List(items) => {
                Value::List(items.into_iter().map(|item| self.node(item)).collect())
            }
            Parsed::Map(entries) => Value::Map(self.entries(entries)),
        };
        let span = match &value {
            // A collection is shown by its first entry, not by all its lines.
            Value::Map(entries) => entries.first().map_or(span, |(key, _)| key.span.clone()),
            Value::List(items) => items.first().map_or(span, |item| item.span.clone()),
            _ => span,
        };
        Node { value, span }
    }

    fn entries(&mut self, parsed: Vec<(Spanned<Parsed>, Spanned<Parsed>)>) -> Vec<(Key, Node)> {
        let mut entries: Vec<(Key, Node)> = Vec::with_capacity(parsed.len());
        let mut seen: HashMap<String, Range<usize>> = HashMap::with_capacity(parsed.len());
        for (key, value) in parsed {
            let key = self.node(key);
            let name = match key.value {
                Value::Text(text) | Value::Number(text) => text,
                Value::Bool(value) => value.to_string(),
                _ => {
                    let position = self.source.position(key.span.clone());
                    let message = format!("a key is a word, not {}", key.kind());
                    self.diagnostics
                        .push(Diagnostic::new("yaml-syntax", message, &position));
                    continue;
                }
            };
            if let Some(first) = seen.get(&name) {
                let message = format!("`{}` is given twice", shortened(&name));
                self.diagnostics.push(
                    Diagnostic::new("duplicate-field", message, &self.source.position(key.span))
                        .with_related(&self.source.position(first.clone()), "first given here")
                        .with_help("keep one of them; for several entries, write one list"),
                );
                continue;
            }
            seen.insert(name.clone(), key.span.clone());
            entries.push((
                Key {
                    name,
                    span: key.span,
                },
                self.node(value),
            ));
        }
        entries
    }

    fn span(&self, location: Location) -> Range<usize> {
        let span = location.span();
        let (Some(start), Some(length)) = (span.byte_offset(), span.byte_len()) else {
            return located(self.source, location).span();
        };
        let start = usize::try_from(start)
            .unwrap_or(usize::MAX)
            .min(self.source.text.len());
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let end = start.saturating_add(length).min(self.source.text.len());
        // A scalar over several lines is shown by its first.
        let line_end = self
            .source
            .line_range(self.source.line_of(start))
            .end
            .max(start);
        start..end.min(line_end)
    }
}

/// What serde hands over, before spans are computed.
enum Parsed {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Spanned<Parsed>>),
    Map(Vec<(Spanned<Parsed>, Spanned<Parsed>)>),
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParsedVisitor)
    }
}

struct ParsedVisitor;

impl<'de> Visitor<'de> for ParsedVisitor {
    type Value = Parsed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E>(self) -> Result<Parsed, E> {
        Ok(Parsed::Null)
    }

    fn visit_none<E>(self) -> Result<Parsed, E> {
        Ok(Parsed::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Parsed, D::Error> {
        Parsed::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Parsed, E> {
        Ok(Parsed::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Parsed, E> {
        Ok(Parsed::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Parsed, E> {
        Ok(Parsed::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Parsed, E> {
        Ok(Parsed::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Parsed, E> {
        Ok(Parsed::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Parsed, E> {
        Ok(Parsed::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Parsed, E> {
        Ok(Parsed::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Parsed, E> {
        Ok(Parsed::Text(value))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Parsed, E> {
        Ok(Parsed::Text(String::from_utf8_lossy(value).into_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Parsed, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Parsed::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Parsed, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = access.next_entry()? {
            entries.push(entry);
        }
        Ok(Parsed::Map(entries))
    }
}
