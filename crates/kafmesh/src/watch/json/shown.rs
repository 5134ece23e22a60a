//! A decoded message in the JSON of protobuf, without what is masked.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost::bytes::Bytes;
use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value,
};
use serde::ser::{Error as _, Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::json;

use super::{REDACTED, Types};

/// Messages within messages that are shown; decoding has the same limit, except within `Any`.
const MAX_DEPTH: usize = 100;

const ANY: &str = "google.protobuf.Any";

/// Messages with a JSON form of their own, in which no field is anybody's.
const SPECIAL: [&str; 15] = [
    "google.protobuf.BoolValue",
    "google.protobuf.BytesValue",
    "google.protobuf.DoubleValue",
    "google.protobuf.Duration",
    "google.protobuf.FieldMask",
    "google.protobuf.FloatValue",
    "google.protobuf.Int32Value",
    "google.protobuf.Int64Value",
    "google.protobuf.ListValue",
    "google.protobuf.StringValue",
    "google.protobuf.Struct",
    "google.protobuf.Timestamp",
    "google.protobuf.UInt32Value",
    "google.protobuf.UInt64Value",
    "google.protobuf.Value",
];

/// A message as it is shown.
pub(super) struct Shown<'a> {
    pub(super) types: &'a Types,
    pub(super) message: &'a DynamicMessage,
    /// How many messages it is in.
    pub(super) depth: usize,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.depth > MAX_DEPTH {
            return Err(S::Error::custom("its messages are nested too deep"));
        }
        let descriptor = self.message.descriptor();
        if is_special(&descriptor) {
            return self.special(&descriptor, serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        if descriptor.full_name() == ANY {
            self.any(&mut map)?;
        } else {
            self.fields(&mut map)?;
        }
        map.end()
    }
}

impl Shown<'_> {
    /// A message with a JSON form of its own; one whose value has none leaves the others readable.
    fn special<S: Serializer>(
        &self,
        descriptor: &MessageDescriptor,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let name = descriptor.full_name();
        if let "google.protobuf.DoubleValue" | "google.protobuf.FloatValue" = name
            && let Some(field) = descriptor.get_field(1)
        {
            let value = self.message.get_field(&field);
            return self.value(&value, &field.kind()).serialize(serializer);
        }
        match serde_json::to_value(self.message) {
            Ok(value) => value.serialize(serializer),
            Err(error) => json!({"@type": name, "@note": format!("it has no JSON form: {error}")})
                .serialize(serializer),
        }
    }

    fn fields<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let descriptor = self.message.descriptor();
        let masked = self.types.masks.of_message(descriptor.full_name());
        for (field, value) in self.message.fields() {
            if masked.is_some_and(|masked| masked.contains(&field.number())) {
                map.serialize_entry(field.json_name(), REDACTED)?;
            } else {
                map.serialize_entry(field.json_name(), &self.value(value, &field.kind()))?;
            }
        }
        for (extension, value) in self.message.extensions() {
            let name = extension.json_name();
            if self.types.masks.has_extension(extension.full_name()) {
                map.serialize_entry(name, REDACTED)?;
            } else {
                map.serialize_entry(name, &self.value(value, &extension.kind()))?;
            }
        }
        Ok(())
    }

    /// A message of any type: its type, and what it has, as far as that type is known.
    fn any<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let text = self.message.get_field_by_name("type_url");
        let url = text.as_deref().and_then(Value::as_str).unwrap_or_default();
        let held = self.message.get_field_by_name("value");
        let no_bytes = Bytes::new();
        let bytes = held
            .as_deref()
            .and_then(Value::as_bytes)
            .unwrap_or(&no_bytes);
        map.serialize_entry("@type", url)?;
        let name = url.rsplit_once('/').map_or(url, |(_, name)| name);
        let note = match self.types.pool.get_message_by_name(name) {
            None => self.types.unknown.clone(),
            Some(descriptor) => match DynamicMessage::decode(descriptor, bytes.clone()) {
                Err(error) => format!("it is not a {name}: {error}"),
                Ok(message) => {
                    let shown = self.types.shown(&message, self.depth + 1);
                    let descriptor = message.descriptor();
                    return if has_own_json(&descriptor) {
                        map.serialize_entry("value", &shown)
                    } else {
                        shown.fields(map)
                    };
                }
            },
        };
        map.serialize_entry("@bytes", &bytes.len())?;
        map.serialize_entry("@note", &note)
    }

    fn value<'a>(&'a self, value: &'a Value, kind: &'a Kind) -> ShownValue<'a> {
        ShownValue {
            within: self,
            value,
            kind,
        }
    }
}

/// Whether a message is shown in another way than field by field.
pub(super) fn has_own_json(descriptor: &MessageDescriptor) -> bool {
    is_special(descriptor) || descriptor.full_name() == ANY
}

fn is_special(descriptor: &MessageDescriptor) -> bool {
    let name = descriptor.full_name();
    name.starts_with("google.protobuf.") && SPECIAL.binary_search(&name).is_ok()
}

/// A value of a field of a message.
struct ShownValue<'a> {
    within: &'a Shown<'a>,
    value: &'a Value,
    kind: &'a Kind,
}

impl Serialize for ShownValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.value {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I32(value) => serializer.serialize_i32(*value),
            Value::U32(value) => serializer.serialize_u32(*value),
            // JSON's numbers are not exact beyond 53 bits.
            Value::I64(value) => serializer.collect_str(value),
            Value::U64(value) => serializer.collect_str(value),
            Value::F32(value) if value.is_finite() => serializer.serialize_f32(*value),
            Value::F32(value) => serializer.serialize_str(not_finite((*value).into())),
            Value::F64(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::F64(value) => serializer.serialize_str(not_finite(*value)),
            Value::String(value) => serializer.serialize_str(value),
            Value::Bytes(value) => serializer.serialize_str(&BASE64_STANDARD.encode(value)),
            Value::EnumNumber(number) => match self.kind {
                Kind::Enum(kind) if kind.full_name() == "google.protobuf.NullValue" => {
                    serializer.serialize_unit()
                }
                Kind::Enum(kind) => match kind.get_value(*number) {
                    Some(value) => serializer.serialize_str(value.name()),
                    None => serializer.serialize_i32(*number),
                },
                _ => serializer.serialize_i32(*number),
            },
            Value::Message(message) => {
                let within = self.within;
                within
                    .types
                    .shown(message, within.depth + 1)
                    .serialize(serializer)
            }
            Value::List(values) => {
                let mut list = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    list.serialize_element(&self.within.value(value, self.kind))?;
                }
                list.end()
            }
            Value::Map(values) => {
                let entry: Option<FieldDescriptor> = match self.kind {
                    Kind::Message(entry) => Some(entry.map_entry_value_field()),
                    _ => None,
                };
                let kind = entry.map_or_else(|| self.kind.clone(), |value| value.kind());
                let mut sorted: Vec<_> = values.iter().collect();
                // The same message reads the same each time.
                sorted.sort_by(|a, b| a.0.partial_cmp(b.0).unwrap_or(std::cmp::Ordering::Equal));
                let mut map = serializer.serialize_map(Some(sorted.len()))?;
                let mut text = String::new();
                for (key, value) in sorted {
                    text.clear();
                    write_key(&mut text, key);
                    map.serialize_entry(&text, &self.within.value(value, &kind))?;
                }
                map.end()
            }
        }
    }
}

/// By the JSON mapping of protobuf.
fn not_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

fn write_key(text: &mut String, key: &MapKey) {
    // Writing into a string cannot fail.
    let _ = match key {
        MapKey::Bool(key) => write!(text, "{key}"),
        MapKey::I32(key) => write!(text, "{key}"),
        MapKey::I64(key) => write!(text, "{key}"),
        MapKey::U32(key) => write!(text, "{key}"),
        MapKey::U64(key) => write!(text, "{key}"),
        MapKey::String(key) => write!(text, "{key}"),
    };
}
