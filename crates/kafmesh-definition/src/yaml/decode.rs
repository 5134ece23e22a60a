//! Turns a located tree into typed raw input, reporting every mistake instead of the first.
//!
//! The raw types derive `serde::Deserialize`; this deserializer keeps going because each value sits
//! in a [`Field`], which takes the place of a value that could not be decoded.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::de::value::{StrDeserializer, U64Deserializer};
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};

use super::field::{COUNT, FIELD, Field};
use super::node::{Key, Node, Value, shortened};
use crate::diagnostic::Diagnostic;
use crate::position::Source;
use crate::suggest;

/// Decodes `node`; mistakes are added to `diagnostics` and leave [`Field::Invalid`] where they are.
pub(crate) fn decode<'de, T: Deserialize<'de>>(
    node: &'de Node,
    source: &Arc<Source>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Field<T> {
    let sink = RefCell::new(std::mem::take(diagnostics));
    let decoder = Decoder {
        node,
        context: Context {
            source,
            sink: &sink,
        },
    };
    // A field takes errors in, so decoding one cannot fail.
    let field = Field::deserialize(decoder).unwrap_or(Field::Invalid);
    *diagnostics = sink.into_inner();
    field
}

#[derive(Clone, Copy)]
struct Context<'a> {
    source: &'a Arc<Source>,
    sink: &'a RefCell<Vec<Diagnostic>>,
}

impl Context<'_> {
    fn report(self, diagnostic: Diagnostic) {
        self.sink.borrow_mut().push(diagnostic);
    }
}

/// Why a value could not be decoded; the nearest [`Field`] around it reports it.
#[derive(Debug)]
struct Mismatch {
    message: String,
    help: Option<String>,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            message: message.to_string(),
            help: None,
        }
    }
}

struct Decoder<'de, 'a> {
    node: &'de Node,
    context: Context<'a>,
}

impl Decoder<'_, '_> {
    fn mismatch(&self, wanted: &str) -> Mismatch {
        let help = match (&self.node.value, wanted) {
            (Value::Number(text), "text") => Some(format!("put it in quotes: \"{text}\"")),
            (Value::Bool(value), "text") => Some(format!("put it in quotes: \"{value}\"")),
            _ => None,
        };
        Mismatch {
            message: format!("expected {wanted}, found {}", self.node.kind()),
            help,
        }
    }
}

impl<'de, 'a> Deserializer<'de> for Decoder<'de, 'a> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(text) | Value::Text(text) => visitor.visit_borrowed_str(text),
            Value::List(items) => visitor.visit_seq(Items {
                items: items.iter(),
                context: self.context,
            }),
            Value::Map(entries) => visitor.visit_map(Entries::new(entries, &[], self.context)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match &self.node.value {
            Value::Text(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.mismatch("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match &self.node.value {
            Value::Bool(value) => visitor.visit_bool(*value),
            _ => Err(self.mismatch("`true` or `false`")),
        }
    }

    /// [`Quantity`] and [`Count`] ask for newtypes.
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match &self.node.value {
            Value::Number(text) => visitor.visit_borrowed_str(text),
            Value::Text(text) if name != COUNT => visitor.visit_borrowed_str(text),
            Value::Text(text) if text.parse::<u32>().is_ok() => {
                let mut mismatch = self.mismatch("a whole number");
                mismatch.help = Some(format!("remove the quotes: {text}"));
                Err(mismatch)
            }
            _ if name == COUNT => Err(self.mismatch("a whole number")),
            _ => Err(self.mismatch("a duration such as `24h`")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match &self.node.value {
            Value::Map(entries) => visitor.visit_map(Entries::new(entries, fields, self.context)),
            _ => {
                let mut mismatch = self.mismatch("a mapping");
                mismatch.help = Some(format!("its fields are {}", suggest::listed(fields)));
                Err(mismatch)
            }
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match (name, &self.node.value) {
            (FIELD, _) => visitor.visit_seq(FieldParts {
                node: self.node,
                context: self.context,
                step: 0,
            }),
            (_, Value::Null) => visitor.visit_seq(Items {
                items: [].iter(),
                context: self.context,
            }),
            (_, Value::List(items)) => visitor.visit_seq(Items {
                items: items.iter(),
                context: self.context,
            }),
            _ => visitor.visit_seq(Items {
                items: std::slice::from_ref(self.node).iter(),
                context: self.context,
            }),
        }
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf option unit unit_struct
        seq tuple map enum identifier ignored_any
    }
}

/// The entries of a mapping that are fields of the struct asked for; reports the others.
///
/// An unknown field that is a misspelt one is then read as that one, so that what is in it is checked
/// too and the right one is not reported as missing.
struct Entries<'de, 'a> {
    entries: std::slice::Iter<'de, (Key, Node)>,
    fields: &'static [&'static str],
    /// Which of `fields` were given, or are taken from a misspelt one.
    given: Vec<bool>,
    value: Option<&'de Node>,
    context: Context<'a>,
}

impl<'de, 'a> Entries<'de, 'a> {
    fn new(
        entries: &'de [(Key, Node)],
        fields: &'static [&'static str],
        context: Context<'a>,
    ) -> Self {
        let mut given = vec![false; fields.len()];
        for (key, _) in entries {
            if let Some(index) = fields.iter().position(|field| *field == key.name) {
                given[index] = true;
            }
        }
        Self {
            entries: entries.iter(),
            fields,
            given,
            value: None,
            context,
        }
    }

    /// The field that `key` means.
    fn field(&mut self, key: &Key) -> Option<&'static str> {
        if let Some(field) = self.fields.iter().find(|field| **field == key.name) {
            return Some(field);
        }
        let near = suggest::nearest(&key.name, self.fields.iter().copied());
        let position = self.context.source.position(key.span.clone());
        let diagnostic = Diagnostic::new(
            "unknown-field",
            format!("unknown field `{}`", shortened(&key.name)),
            &position,
        );
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the fields here are {}", suggest::listed(self.fields)),
        };
        self.context.report(diagnostic.with_help(help));
        let index = self.fields.iter().position(|field| Some(*field) == near)?;
        if std::mem::replace(&mut self.given[index], true) {
            None
        } else {
            near
        }
    }
}

impl<'de> MapAccess<'de> for Entries<'de, '_> {
    type Error = Mismatch;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Mismatch> {
        while let Some((key, value)) = self.entries.next() {
            if let Some(field) = self.field(key) {
                self.value = Some(value);
                let name: StrDeserializer<'de, Mismatch> = field.into_deserializer();
                return seed.deserialize(name).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Mismatch> {
        match self.value.take() {
            Some(node) => seed.deserialize(Decoder {
                node,
                context: self.context,
            }),
            None => Err(de::Error::custom("a value was asked for before its key")),
        }
    }
}

struct Items<'de, 'a> {
    items: std::slice::Iter<'de, Node>,
    context: Context<'a>,
}

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Mismatch> {
        for node in self.items.by_ref() {
            if !matches!(node.value, Value::Null) {
                return seed
                    .deserialize(Decoder {
                        node,
                        context: self.context,
                    })
                    .map(Some);
            }
            let position = self.context.source.position(node.span.clone());
            let diagnostic =
                Diagnostic::new("empty-entry", "this entry of the list is empty", &position);
            self.context
                .report(diagnostic.with_help("fill it in, or remove its `-`"));
        }
        Ok(None)
    }
}

/// What a [`Field`] is made of, in this order: start and end of its bytes, and its value.
struct FieldParts<'de, 'a> {
    node: &'de Node,
    context: Context<'a>,
    step: u8,
}

impl<'de> SeqAccess<'de> for FieldParts<'de, '_> {
    type Error = Mismatch;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Mismatch> {
        let number = |offset: usize| U64Deserializer::<Mismatch>::new(offset as u64);
        self.step += 1;
        match self.step {
            1 => seed.deserialize(number(self.node.span.start)).map(Some),
            2 => seed.deserialize(number(self.node.span.end)).map(Some),
            _ if matches!(self.node.value, Value::Null) => Ok(None),
            _ => seed
                .deserialize(Decoder {
                    node: self.node,
                    context: self.context,
                })
                .map(Some)
                .inspect_err(|mismatch| {
                    let position = self.context.source.position(self.node.span.clone());
                    let mut diagnostic =
                        Diagnostic::new("wrong-type", &mismatch.message, &position);
                    diagnostic.help.clone_from(&mismatch.help);
                    self.context.report(diagnostic);
                }),
        }
    }
}
