//! Bytes with types of all kinds, marked and not, as JSON.

use prost::Message as _;
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use super::*;

const PROTO: &str = r#"
    syntax = "proto3";
    package a;
    import "google/protobuf/any.proto";
    import "google/protobuf/descriptor.proto";
    import "google/protobuf/struct.proto";
    import "google/protobuf/timestamp.proto";
    import "google/protobuf/wrappers.proto";
    enum Color { NONE = 0; RED = 1; }
    message Card {
      string number = 1 [debug_redact = true];
      string owner = 2;
    }
    message Simple {
      double double = 1;
      float float = 2;
      int32 int32 = 3;
      int64 int64 = 4;
      uint32 uint32 = 5;
      uint64 uint64 = 6;
      sint32 sint32 = 7;
      sint64 sint64 = 8;
      fixed32 fixed32 = 9;
      fixed64 fixed64 = 10;
      sfixed32 sfixed32 = 11;
      sfixed64 sfixed64 = 12;
      bool bool = 13;
      string text = 14;
      bytes raw = 15;
      Color color = 16;
      Card card = 17;
      optional int32 maybe = 18;
      optional string nothing = 19;
      Simple again = 20;
      string secret = 21 [debug_redact = true];
      Card hidden = 22 [debug_redact = true];
      repeated int32 list = 23;
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
      string secret = 7 [(sensitivity) = SECRET];
      string nested = 8 [(rules) = { all: [PUBLIC, SECRET] }];
      string public = 9 [(sensitivity) = PUBLIC];
    }
    enum Sensitivity { PUBLIC = 0; SECRET = 1 [debug_redact = true]; }
    message Rules { repeated Sensitivity all = 1; }
    extend google.protobuf.FieldOptions {
      Sensitivity sensitivity = 50001;
      Rules rules = 50002;
    }
    message Times {
      string text = 1;
      google.protobuf.Timestamp time = 2;
      google.protobuf.DoubleValue real = 3;
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
        "shown": true, "secret": "x", "nested": "y", "public": "z",
    });
    let hidden = message(&types, "a.Hidden", &hidden).encode_to_vec();
    assert_eq!(
        shown(&types, "a.Hidden", &hidden),
        json!({
            "pin": REDACTED, "pins": REDACTED, "byName": REDACTED, "card": REDACTED,
            "color": REDACTED, "shown": true, "secret": REDACTED, "nested": REDACTED,
            "public": "z",
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
        json!({"@type": "b.Other", "@bytes": 2, "@note": note})
    );
    let unusable = Types::new(b"\xff").json("a.Card", b"4711", 100);
    assert!(unusable.contains("cannot be used"), "{unusable}");
    assert!(!unusable.contains("base64"), "{unusable}");
    // A service that describes nothing has nothing that is marked.
    assert_eq!(
        shown(&Types::new(b""), "b.Other", b"\x08\x01"),
        json!({"@type": "b.Other", "@base64": "CAE=", "@note": note})
    );

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
fn a_well_known_value_without_json_leaves_its_message_readable() {
    let types = types();
    // A text, a time far beyond the year 9999, and a number that is none.
    let mut bytes = b"\x0a\x02ok\x12\x0a\x08".to_vec();
    prost::encoding::encode_varint(i64::MAX as u64, &mut bytes);
    bytes.extend(b"\x1a\x09\x09");
    bytes.extend(f64::NAN.to_le_bytes());
    let times = shown(&types, "a.Times", &bytes);
    assert_eq!(times["text"], "ok");
    assert_eq!(times["real"], "NaN");
    assert_eq!(times["time"]["@type"], "google.protobuf.Timestamp");
}

#[test]
fn what_is_written_directly_is_what_a_decoded_message_shows() {
    let types = types();
    let simple = json!({
        "double": -1.5e300, "float": 0.1, "int32": -5, "int64": "-6", "uint32": 4294967295_u32,
        "uint64": "18446744073709551615", "sint32": -2147483648, "sint64": "-9223372036854775808",
        "fixed32": 7, "fixed64": "8", "sfixed32": -9, "sfixed64": "-10", "bool": true,
        "text": "a \"b\" \u{1}\n é 🦀", "raw": "AAH/", "color": "RED",
        "card": {"number": "4711", "owner": "x"}, "maybe": 0, "nothing": "",
        "secret": "x", "hidden": {"owner": "y"},
    });
    let mut nested = simple.clone();
    nested["again"] = simple.clone();
    let bytes = message(&types, "a.Simple", &nested).encode_to_vec();
    let written = types.plans.json("a.Simple", &bytes).unwrap();
    assert_eq!(written, types.decoded("a.Simple", &bytes, 1 << 20));
    assert!(!written.contains("4711"), "{written}");

    // Each byte changed in some ways, and each beginning: what is written is what is shown, or nothing.
    let mut agreed = 0;
    let mut check = |bytes: &[u8]| {
        if let Some(written) = types.plans.json("a.Simple", bytes) {
            assert_eq!(
                written,
                types.decoded("a.Simple", bytes, 1 << 20),
                "{bytes:?}"
            );
            agreed += 1;
        }
    };
    for at in 0..bytes.len() {
        check(&bytes[..at]);
        for to in 0..=255 {
            let mut changed = bytes.clone();
            changed[at] = to;
            check(&changed);
        }
    }
    assert!(agreed > 1000, "{agreed}");
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
