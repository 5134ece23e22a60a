//! No bytes make loading panic or hang, and every mistake found has a place in a file that was read.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::fs::{create_dir_all, write};
use std::path::Path;

use kafmesh_definition::{Diagnostics, TextStyle};
use proptest::prelude::*;
use proptest::sample::Index;

const DEFINITION: &str = include_str!("../../../examples/clicks/docs/definition.yaml");
const COMPONENT: &str = include_str!("../../../examples/clicks/docs/components/math.yaml");
const PROTO: &str = include_str!("../../../examples/clicks/protos/user_id.proto");

/// What the language is made of, put where it does not belong.
const PIECES: &[&str] = &[
    "\n",
    " ",
    "  ",
    "\t",
    "- ",
    ": ",
    ":",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "#",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "---\n",
    "...",
    "|",
    ">",
    "?",
    "%",
    "@",
    "~",
    "null",
    "true",
    "0",
    "-1",
    "1e999",
    "24h",
    ".",
    "..",
    "/",
    "*",
    "name",
    "message",
    "inputs",
    "persistence",
    "partitions: ",
    "retention: ",
    "userId.click",
    "é",
    "🎉",
    "\u{feff}",
    "\0",
    "\u{1b}[31m",
    "\u{202e}",
    "\r\n",
    "import \"user_id.proto\";",
    "message M {",
    "oneof o {",
    "syntax = \"proto2\";",
    "= 1;",
    "//",
    "/*",
    "option (a) = ",
];

fn load(definition: &[u8], component: &[u8], proto: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let docs = directory.path().join("docs");
    create_dir_all(docs.join("components")).unwrap();
    create_dir_all(directory.path().join("protos")).unwrap();
    write(docs.join("definition.yaml"), definition).unwrap();
    write(docs.join("components/math.yaml"), component).unwrap();
    write(directory.path().join("protos/user_id.proto"), proto).unwrap();
    if let Err(diagnostics) = kafmesh_definition::load(&docs.join("definition.yaml")) {
        check(&diagnostics);
    }
}

fn check(diagnostics: &Diagnostics) {
    assert!(!diagnostics.is_empty());
    for diagnostic in diagnostics {
        let text = std::fs::read(diagnostic.file())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if let Ok(text) = text {
            let lines = text.split('\n').count();
            assert!(
                (1..=lines).contains(&diagnostic.line()),
                "{diagnostic} is beyond line {lines}"
            );
        }
        assert!(diagnostic.column() >= 1);
        assert!(
            !diagnostic.message.contains(char::is_control),
            "{:?}",
            diagnostic.message
        );
    }
    for style in [TextStyle::Plain, TextStyle::Color, TextStyle::Narrated] {
        assert!(!diagnostics.to_text(style).is_empty());
    }
    assert!(!diagnostics.to_text(TextStyle::Plain).contains('\u{1b}'));
    assert_eq!(diagnostics.to_github().lines().count(), diagnostics.len());
    serde_json::from_str::<serde_json::Value>(&diagnostics.to_json()).unwrap();
}

/// Edits of a text: at a place, so many bytes are replaced by a piece.
fn edits() -> impl Strategy<Value = Vec<(Index, usize, usize)>> {
    proptest::collection::vec((any::<Index>(), 0..12_usize, 0..PIECES.len()), 1..6)
}

fn edited(text: &str, edits: &[(Index, usize, usize)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, removed, piece) in edits {
        let start = at.index(bytes.len() + 1);
        let end = (start + removed).min(bytes.len());
        bytes.splice(start..end, PIECES[*piece].bytes());
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_as_definition(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        load(&bytes, COMPONENT.as_bytes(), PROTO.as_bytes());
    }

    #[test]
    fn any_text_as_component(text in any::<String>()) {
        load(DEFINITION.as_bytes(), text.as_bytes(), PROTO.as_bytes());
    }

    #[test]
    fn any_bytes_as_proto(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        load(DEFINITION.as_bytes(), COMPONENT.as_bytes(), &bytes);
    }

    #[test]
    fn edited_definition(edits in edits()) {
        load(&edited(DEFINITION, &edits), COMPONENT.as_bytes(), PROTO.as_bytes());
    }

    #[test]
    fn edited_component(edits in edits()) {
        load(DEFINITION.as_bytes(), &edited(COMPONENT, &edits), PROTO.as_bytes());
    }

    #[test]
    fn edited_proto(edits in edits()) {
        load(DEFINITION.as_bytes(), COMPONENT.as_bytes(), &edited(PROTO, &edits));
    }

    #[test]
    fn any_names_and_paths(name in any::<String>(), message in any::<String>(), path in any::<String>()) {
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let definition = format!(
            "name: {}\noutput:\n  path: {}\nmessages:\n  protobuf: [../protos, {}]\ncomponents: [./components/*.yaml, {}]\n",
            quoted(&name), quoted(&path), quoted(&path), quoted(&path),
        );
        let component = format!(
            "name: {}\nsources:\n  - message: {}\n    topic: {}\nprocessors:\n  - name: {}\n    inputs: {{message: {}}}\n",
            quoted(&name), quoted(&message), quoted(&path), quoted(&name), quoted(&message),
        );
        load(definition.as_bytes(), component.as_bytes(), PROTO.as_bytes());
    }
}

#[test]
fn the_unedited_definition_loads() {
    let path = Path::new("../../examples/clicks/docs/definition.yaml");
    kafmesh_definition::load(path).unwrap();
}
