//! Protobuf messages as JSON, with what is marked `debug_redact` masked, from the descriptors that a
//! service carries.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::io;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use prost::bytes::Bytes;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage as _, Value,
};
use serde::ser::{Error as _, Serialize, SerializeMap as _, SerializeSeq as _, Serializer};
use serde_json::json;

/// In place of what is marked `debug_redact`, whatever its type.
pub(super) const REDACTED: &str = "[redacted]";

/// `debug_redact` in google/protobuf/descriptor.proto's `FieldOptions`.
const DEBUG_REDACT: u32 = 16;

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

/// What a service tells of its messages' types.
pub(super) struct Types {
    pool: DescriptorPool,
    /// The numbers of masked fields, by the full name of their message.
    masked: HashMap<String, HashSet<u32>>,
    /// Full names of masked extensions.
    masked_extensions: HashSet<String>,
    /// Why a type is not known.
    unknown: String,
}

impl Types {
    /// Those in `files`, an encoded `FileDescriptorSet`.
    pub(super) fn new(files: &[u8]) -> Self {
        let (pool, unknown) = match DescriptorPool::decode(files) {
            Ok(pool) => (pool, "the service does not describe this type".to_owned()),
            Err(error) => (
                DescriptorPool::new(),
                format!("the service's description of its types cannot be used: {error}"),
            ),
        };
        let mut masked = HashMap::new();
        for message in pool.all_messages() {
            let fields = message.fields();
            let numbers: HashSet<u32> = fields
                .filter(|field| is_masked(&field.options()))
                .map(|field| field.number())
                .collect();
            if !numbers.is_empty() {
                masked.insert(message.full_name().to_owned(), numbers);
            }
        }
        let masked_extensions = pool
            .all_extensions()
            .filter(|extension| is_masked(&extension.options()))
            .map(|extension| extension.full_name().to_owned())
            .collect();
        Self {
            pool,
            masked,
            masked_extensions,
            unknown,
        }
    }

    /// `bytes` as JSON of at most about `limit` bytes, if they are a `message_type`; else JSON that says
    /// why not. Bytes that may hold what is to be masked are never shown as they are.
    pub(super) fn json(&self, message_type: &str, bytes: &[u8], limit: usize) -> String {
        let note = |note: &str| note_of(message_type, bytes.len(), note);
        let Some(descriptor) = self.pool.get_message_by_name(message_type) else {
            return if bytes.len() / 3 * 4 > limit {
                note(&self.unknown)
            } else {
                let base64 = BASE64_STANDARD.encode(bytes);
                json!({"@type": message_type, "@base64": base64, "@note": self.unknown}).to_string()
            };
        };
        let message = match DynamicMessage::decode(descriptor, bytes) {
            Ok(message) => message,
            Err(error) => return note(&format!("it is not a {message_type}: {error}")),
        };
        let mut text = Limited {
            bytes: Vec::with_capacity(bytes.len() * 2),
            limit,
        };
        match serde_json::to_writer(&mut text, &self.shown(&message, 0)) {
            // serde_json writes UTF-8.
            Ok(()) => String::from_utf8_lossy(&text.bytes).into_owned(),
            Err(error) if error.is_io() => note("it is too long to be shown"),
            Err(error) => note(&format!("it has no JSON form: {error}")),
        }
    }

    fn shown<'a>(&'a self, message: &'a DynamicMessage, depth: usize) -> Shown<'a> {
        Shown {
            types: self,
            message,
            depth,
        }
    }
}

/// JSON in place of a value that cannot be shown.
pub(super) fn note_of(message_type: &str, bytes: usize, note: &str) -> String {
    json!({"@type": message_type, "@bytes": bytes, "@note": note}).to_string()
}

fn is_masked(options: &DynamicMessage) -> bool {
    match options.get_field_by_number(DEBUG_REDACT) {
        Some(value) => value.as_bool() == Some(true),
        // A definition's own descriptor.proto may be older than the option.
        None => options
            .unknown_fields()
            .any(|field| field.number() == DEBUG_REDACT),
    }
}

/// A buffer that takes no more than so many bytes.
struct Limited {
    bytes: Vec<u8>,
    limit: usize,
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(io::Error::other("too long"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A message as it is shown.
struct Shown<'a> {
    types: &'a Types,
    message: &'a DynamicMessage,
    depth: usize,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.depth > MAX_DEPTH {
            return Err(S::Error::custom("its messages are nested too deep"));
        }
        let descriptor = self.message.descriptor();
        if is_special(&descriptor) {
            return self.message.serialize(serializer);
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
    fn fields<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let descriptor = self.message.descriptor();
        let masked = self.types.masked.get(descriptor.full_name());
        for (field, value) in self.message.fields() {
            if masked.is_some_and(|masked| masked.contains(&field.number())) {
                map.serialize_entry(field.json_name(), REDACTED)?;
            } else {
                map.serialize_entry(field.json_name(), &self.value(value, &field.kind()))?;
            }
        }
        for (extension, value) in self.message.extensions() {
            let name = extension.json_name();
            if self.types.masked_extensions.contains(extension.full_name()) {
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
                    return if is_special(&descriptor) || descriptor.full_name() == ANY {
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

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use protox::Compiler;
    use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

    use super::*;

    const PROTO: &str = r#"
        syntax = "proto3";
        package a;
        import "google/protobuf/any.proto";
        import "google/protobuf/struct.proto";
        import "google/protobuf/timestamp.proto";
        import "google/protobuf/wrappers.proto";
        enum Color { NONE = 0; RED = 1; }
        message Card {
          string number = 1 [debug_redact = true];
          string owner = 2;
        }
        message All {
          string text = 1;
          int64 long = 2;
          double real = 3;
          bytes raw = 4;
          Color color = 5;
          repeated Color colors = 6;
          map<int32, Card> cards = 7;
          repeated Card list = 8;
          Card card = 9;
          google.protobuf.Any any = 10;
          google.protobuf.Timestamp time = 11;
          google.protobuf.Struct object = 12;
          google.protobuf.Int64Value wrapped = 13;
          oneof one { bool yes = 14; float no = 15; }
          All again = 16;
        }
        message Hidden {
          int32 pin = 1 [debug_redact = true];
          repeated int32 pins = 2 [debug_redact = true];
          map<string, string> by_name = 3 [debug_redact = true];
          Card card = 4 [debug_redact = true];
          Color color = 5 [debug_redact = true];
          bool shown = 6 [debug_redact = false];
        }
    "#;

    struct InMemory;

    impl FileResolver for InMemory {
        fn open_file(&self, name: &str) -> Result<File, protox::Error> {
            if name == "a.proto" {
                File::from_source(name, PROTO)
            } else {
                Err(protox::Error::file_not_found(name))
            }
        }
    }

    fn types() -> Types {
        let mut resolver = ChainFileResolver::new();
        resolver.add(InMemory);
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true).open_file("a.proto").unwrap();
        Types::new(&compiler.encode_file_descriptor_set())
    }

    /// The message that `json` stands for, by prost-reflect.
    fn message(types: &Types, name: &str, json: &serde_json::Value) -> DynamicMessage {
        let descriptor = types.pool.get_message_by_name(name).unwrap();
        DynamicMessage::deserialize(descriptor, json).unwrap()
    }

    fn shown(types: &Types, name: &str, bytes: &[u8]) -> serde_json::Value {
        serde_json::from_str(&types.json(name, bytes, 1 << 20)).unwrap()
    }

    #[test]
    fn messages_are_shown_in_the_json_of_protobuf() {
        let types = types();
        let json = json!({
            "text": "a \"quoted\" text", "long": "-9007199254740993", "real": "NaN", "raw": "AAH/",
            "color": "RED", "colors": ["NONE", "RED", 7],
            "cards": {"-1": {"owner": "x"}, "2": {}}, "list": [{"owner": "y"}, {}],
            "any": {"@type": "type.googleapis.com/google.protobuf.Int64Value", "value": "7"},
            "time": "2026-01-02T03:04:05.678Z", "object": {"a": [1.0, null, {"b": true}]},
            "wrapped": "5", "no": 0.5, "again": {"yes": false},
        });
        let all = message(&types, "a.All", &json);
        assert_eq!(shown(&types, "a.All", &all.encode_to_vec()), json);
        assert_eq!(shown(&types, "a.All", b""), json!({}));
    }

    #[test]
    fn what_is_marked_is_masked_wherever_it_is() {
        let types = types();
        let card = json!({"number": "4711", "owner": "x"});
        let masked = json!({"number": REDACTED, "owner": "x"});
        let with = |card: &serde_json::Value| {
            let mut any = card.clone();
            any["@type"] = "type.googleapis.com/a.Card".into();
            json!({
                "cards": {"1": card}, "list": [card, card], "card": card, "any": any,
                "again": {"card": card},
            })
        };
        let all = message(&types, "a.All", &with(&card)).encode_to_vec();
        assert_eq!(shown(&types, "a.All", &all), with(&masked));

        let hidden = json!({
            "pin": 1234, "pins": [1, 2], "byName": {"a": "b"}, "card": card, "color": "RED",
            "shown": true,
        });
        let hidden = message(&types, "a.Hidden", &hidden).encode_to_vec();
        assert_eq!(
            shown(&types, "a.Hidden", &hidden),
            json!({
                "pin": REDACTED, "pins": REDACTED, "byName": REDACTED, "card": REDACTED,
                "color": REDACTED, "shown": true,
            })
        );
        assert_eq!(shown(&types, "a.Hidden", b""), json!({}));
    }

    #[test]
    fn what_cannot_be_shown_is_json_that_says_why_and_gives_nothing_away() {
        let types = types();
        let undecodable = shown(&types, "a.Card", b"\x0a\x044711\xff");
        assert_eq!(undecodable["@type"], "a.Card");
        assert_eq!(undecodable["@bytes"], 7);
        let note = undecodable["@note"].as_str().unwrap();
        assert!(note.starts_with("it is not a a.Card: "), "{note}");
        assert_eq!(undecodable.as_object().unwrap().len(), 3);

        let unknown = shown(&types, "b.Other", b"\x08\x01");
        let note = "the service does not describe this type";
        assert_eq!(
            unknown,
            json!({"@type": "b.Other", "@base64": "CAE=", "@note": note})
        );
        let nothing = Types::new(b"\xff").json("a.Card", b"", 100);
        assert!(nothing.contains("cannot be used"), "{nothing}");

        let long = message(&types, "a.All", &json!({"text": "x".repeat(500)})).encode_to_vec();
        let long = types.json("a.All", &long, 500);
        assert!(long.contains("too long to be shown"), "{long}");
    }

    #[test]
    fn an_any_that_cannot_be_read_leaves_its_message_readable() {
        let types = types();
        let any = |url: &str, value: &[u8]| {
            let any = prost_types::Any {
                type_url: url.to_owned(),
                value: value.to_vec(),
            };
            let mut bytes = b"\x0a\x02ok\x52".to_vec();
            any.encode_length_delimited(&mut bytes).unwrap();
            shown(&types, "a.All", &bytes)
        };
        let unknown = any("x/b.Other", b"4711");
        assert_eq!(unknown["text"], "ok");
        assert_eq!(unknown["any"]["@bytes"], 4);
        let broken = any("x/a.Card", b"\x0a\x044711\xff");
        assert_eq!(broken["any"]["@bytes"], 7);
        assert!(!broken.to_string().contains("4711"), "{broken}");
    }

    #[test]
    fn messages_in_messages_have_a_limit_also_within_any() {
        let types = types();
        let mut bytes = Vec::new();
        for _ in 0..500 {
            let any = prost_types::Any {
                type_url: "x/google.protobuf.Any".to_owned(),
                value: bytes,
            };
            bytes = any.encode_to_vec();
        }
        let mut all = b"\x52".to_vec();
        prost::encoding::encode_varint(bytes.len() as u64, &mut all);
        all.extend(bytes);
        let shown = types.json("a.All", &all, 1 << 20);
        assert!(shown.contains("nested too deep"), "{shown}");
    }
}
