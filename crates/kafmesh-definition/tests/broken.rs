//! Broken definitions and what is said about them: each directory of `tests/broken` is one, with the
//! rendered diagnostics in its `expected.txt`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod golden;

use std::path::Path;

use kafmesh_definition::TextStyle;

#[test]
fn each_broken_definition_is_explained() {
    let mut cases: Vec<_> = std::fs::read_dir("tests/broken")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(
        cases.len() >= 45,
        "the corpus has shrunk to {} cases",
        cases.len()
    );
    let mut golden = golden::Golden::default();
    for case in cases {
        let rendered = match kafmesh_definition::load(&case.join("definition.yaml")) {
            Ok(_) => panic!("{} loads, and it should not", case.display()),
            Err(diagnostics) => diagnostics.to_text(TextStyle::Plain),
        };
        golden.check(&case.join("expected.txt"), &rendered);
    }
    golden.finish();
}

#[test]
fn formats_for_programs_and_workflows() {
    let path = Path::new("tests/broken/several_mistakes/definition.yaml");
    let diagnostics = kafmesh_definition::load(path).unwrap_err();
    let mut golden = golden::Golden::default();
    let file = |name| Path::new("tests/broken/several_mistakes").join(name);
    golden.check(&file("expected.json"), &diagnostics.to_json());
    golden.check(&file("expected.github.txt"), &diagnostics.to_github());
    golden.check(
        &file("expected.color.txt"),
        &diagnostics.to_text(TextStyle::Color),
    );
    golden.check(
        &file("expected.narrated.txt"),
        &diagnostics.to_text(TextStyle::Narrated),
    );
    golden.finish();
}
