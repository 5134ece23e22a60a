//! The building blocks of raw input: values with their places, one or many, numbers as written.
//!
//! They ask the deserializer for tuples and newtypes of names that only [`decode`](super::decode)
//! knows, which answers with the place of a value besides the value.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

pub(super) const FIELD: &str = "__kafmesh_field";
pub(super) const MANY: &str = "__kafmesh_many";
pub(super) const QUANTITY: &str = "__kafmesh_quantity";
pub(super) const COUNT: &str = "__kafmesh_count";

/// A field of the YAML: what was given for it and where.
#[derive(Debug, Clone, Default)]
pub(crate) enum Field<T> {
    /// Not given, or given as nothing (`retention:`).
    #[default]
    Absent,
    /// Given, but not usable; reported already.
    Invalid,
    /// Given, at these bytes of the file.
    Given(T, Range<usize>),
}

impl<T> Field<T> {
    /// The value, if a usable one was given.
    pub(crate) fn value(&self) -> Option<&T> {
        self.given().map(|(value, _)| value)
    }

    /// The value and its bytes of the file, if a usable one was given.
    pub(crate) fn given(&self) -> Option<(&T, &Range<usize>)> {
        match self {
            Self::Given(value, span) => Some((value, span)),
            Self::Absent | Self::Invalid => None,
        }
    }
}

/// One value or a list of them; which of both was written makes no difference.
#[derive(Debug)]
pub(crate) struct Many<T>(pub(crate) Vec<Field<T>>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Many<T> {
    /// The values that could be decoded, each with its bytes of the file.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&T, &Range<usize>)> {
        self.0.iter().filter_map(|field| match field {
            Field::Given(value, span) => Some((value, span)),
            _ => None,
        })
    }
}

/// A text with a unit, as written (`24h`); what it means is for the checks to say.
#[derive(Debug, Clone)]
pub(crate) struct Quantity(pub(crate) String);

/// A number, as written; whether it is a whole one is for the checks to say.
#[derive(Debug, Clone)]
pub(crate) struct Count(pub(crate) String);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for FieldVisitor<T> {
            type Value = Field<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value and its place")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Field<T>, A::Error> {
                let start = parts.next_element()?.unwrap_or_default();
                let end = parts.next_element()?.unwrap_or_default();
                Ok(match parts.next_element() {
                    Ok(Some(value)) => Field::Given(value, start..end),
                    Ok(None) => Field::Absent,
                    Err(_) => Field::Invalid,
                })
            }
        }

        deserializer.deserialize_tuple_struct(FIELD, 3, FieldVisitor(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ManyVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ManyVisitor<T> {
            type Value = Many<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one value or a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Many<T>, A::Error> {
                let mut many = Vec::new();
                while let Some(item) = items.next_element()? {
                    many.push(item);
                }
                Ok(Many(many))
            }
        }

        deserializer.deserialize_tuple_struct(MANY, 0, ManyVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_newtype_struct(QUANTITY, AsWritten)
            .map(Self)
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_newtype_struct(COUNT, AsWritten)
            .map(Self)
    }
}

struct AsWritten;

impl Visitor<'_> for AsWritten {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a text")
    }

    fn visit_str<E>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}
