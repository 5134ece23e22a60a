//! The YAML file: keys and values with where they are written.

use std::fmt;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Location, MessageFormatter as _, Spanned};

/// No setting nests deeper than two levels.
const MAX_DEPTH: usize = 8;
/// A list of targets may be long, a file that expands beyond this is no configuration.
const MAX_ALIASED_VALUES: usize = 20_000;

/// One key of a file and its value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Where the key is.
    pub(super) place: Place,
    pub(super) value: Value,
    /// Where the value is.
    pub(super) value_place: Place,
}

/// The value of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing, or `null`.
    Nothing,
    /// A text, a number or a boolean, as text.
    One(String),
    /// A list of such.
    Many(Vec<String>),
    /// A mapping to such.
    Map(Vec<Entry>),
}

/// A place in a file, which prints as `file:line:column`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) file: String,
    pub(super) line: u64,
    pub(super) column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The entries of the YAML in `text`, which was read from `path`.
///
/// # Errors
///
/// It is not YAML, or not a mapping; the message begins with the place.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Entry>, String> {
    let reader = Reader {
        file: path.display().to_string(),
        text,
    };
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH, max_documents: 2 },
        strict_booleans: true,
        with_snippet: false,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_ALIASED_VALUES,
        },
    };
    if text
        .lines()
        .map(str::trim)
        .all(|line| line.is_empty() || line.starts_with('#'))
    {
        return Ok(Vec::new());
    }
    let parsed: Spanned<Parsed> =
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let at = reader.place(error.location().unwrap_or(Location::UNKNOWN));
            format!("{at}: this is not YAML: {}", message(&error))
        })?;
    match parsed.value {
        Parsed::Map(entries) => reader.entries(entries),
        _ => Err(format!(
            "{}: the file must be a mapping of settings, such as `listen: 0.0.0.0:8080`",
            reader.place(parsed.referenced)
        )),
    }
}

fn message(error: &Error) -> String {
    let text = serde_saphyr::UserMessageFormatter.format_message(error.without_snippet());
    let line = text.lines().next().unwrap_or_default();
    line.trim_end_matches('.').chars().take(200).collect()
}

struct Reader<'a> {
    file: String,
    text: &'a str,
}

impl Reader<'_> {
    fn place(&self, location: Location) -> Place {
        Place {
            file: self.file.clone(),
            line: location.line().max(1),
            column: location.column().max(1),
        }
    }

    fn entries(
        &self,
        entries: Vec<(Spanned<Parsed>, Spanned<Parsed>)>,
    ) -> Result<Vec<Entry>, String> {
        let mut read = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let place = self.place(key.referenced);
            let Some(key) = self.scalar(&key) else {
                return Err(format!("{place}: a key is a word"));
            };
            let value_place = self.place(value.referenced);
            let value = match value.value {
                Parsed::Null => Value::Nothing,
                Parsed::List(items) => {
                    let text = |item| {
                        self.scalar(item).ok_or_else(|| {
                            let at = self.place(item.referenced);
                            format!("{at}: the list of `{key}` has texts only")
                        })
                    };
                    Value::Many(items.iter().map(text).collect::<Result<_, _>>()?)
                }
                Parsed::Map(entries) => Value::Map(self.entries(entries)?),
                Parsed::Number(_) | Parsed::Text(_) => {
                    Value::One(self.scalar(&value).unwrap_or_default())
                }
            };
            read.push(Entry {
                key,
                place,
                value,
                value_place,
            });
        }
        Ok(read)
    }

    /// The value as it is written, if it is no collection: a password of digits keeps its zeros.
    fn scalar(&self, parsed: &Spanned<Parsed>) -> Option<String> {
        let written = || {
            let span = parsed.defined.span();
            let start = usize::try_from(span.byte_offset()?).ok()?;
            let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
            let text = self.text.get(start..end)?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        match &parsed.value {
            Parsed::Text(text) => Some(text.clone()),
            Parsed::Number(number) => Some(written().unwrap_or_else(|| number.clone())),
            Parsed::Null | Parsed::List(_) | Parsed::Map(_) => None,
        }
    }
}

/// A YAML value of which only texts, lists and mappings are told apart.
enum Parsed {
    Null,
    /// A number or a boolean.
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

macro_rules! scalars {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method<E>(self, value: $type) -> Result<Parsed, E> {
            Ok(Parsed::Number(value.to_string()))
        })*
    };
}

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

    scalars! {
        visit_bool: bool,
        visit_i64: i64,
        visit_u64: u64,
        visit_i128: i128,
        visit_u128: u128,
        visit_f64: f64,
    }

    fn visit_str<E>(self, value: &str) -> Result<Parsed, E> {
        Ok(Parsed::Text(value.to_owned()))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String, Value)>, String> {
        let entries = parse(Path::new("d.yaml"), text)?;
        Ok(entries
            .into_iter()
            .map(|entry| (entry.key, entry.place.to_string(), entry.value))
            .collect())
    }

    #[test]
    fn values_are_texts_with_places() {
        let text = "# settings\nlisten: 0.0.0.0:8080\ntoken: 0123e5\nkubernetes: on\n\
                    target:\n  - a:1\n  - b:2\nneo4j:\n";
        let one = |text: &str| Value::One(text.to_owned());
        assert_eq!(
            read(text).unwrap(),
            [
                (
                    "listen".to_owned(),
                    "d.yaml:2:1".to_owned(),
                    one("0.0.0.0:8080")
                ),
                ("token".to_owned(), "d.yaml:3:1".to_owned(), one("0123e5")),
                ("kubernetes".to_owned(), "d.yaml:4:1".to_owned(), one("on")),
                (
                    "target".to_owned(),
                    "d.yaml:5:1".to_owned(),
                    Value::Many(vec!["a:1".to_owned(), "b:2".to_owned()])
                ),
                ("neo4j".to_owned(), "d.yaml:8:1".to_owned(), Value::Nothing),
            ]
        );
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read("# nothing but a comment\n").unwrap(), []);
    }

    #[test]
    fn what_is_no_mapping_is_refused_with_its_place() {
        for (text, wanted) in [
            ("- a\n", "d.yaml:1:1: the file must be a mapping"),
            (
                "listen: [1, [2]]\n",
                "d.yaml:1:13: the list of `listen` has texts only",
            ),
            ("listen: \"a\n", "this is not YAML"),
            ("listen: a\nlisten: b\n", "d.yaml:2"),
            ("a: 1\n---\nb: 2\n", "not YAML"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(wanted), "{text:?}: {error}");
        }
    }
}
