//! Every case in `tests/golden` generates exactly what lies in its `expected` directory.
//!
//! A difference is written to `expected`, so that `git diff` shows it, and fails the test. What is expected
//! is compiled, and used, by `tests/compile`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kafmesh_build::Generated;
use prost::Message as _;

const GOLDEN: &str = "tests/golden";

/// The names of all cases.
fn cases() -> Vec<String> {
    let mut cases: Vec<_> = fs::read_dir(GOLDEN)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    cases.sort();
    cases
}

fn generate(case: &str) -> Generated {
    let file = Path::new(GOLDEN).join(case).join("definition.yaml");
    let definition =
        kafmesh_definition::load(&file).unwrap_or_else(|error| panic!("{case}:\n{error}"));
    kafmesh_build::generate(&definition).unwrap_or_else(|error| panic!("{case}:\n{error}"))
}

/// Every file below `root`, by its path from there.
fn read(root: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else {
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                directories.push(path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .replace('\\', "/");
                files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

fn rewrite(root: &Path, files: &BTreeMap<String, String>) {
    if root.exists() {
        fs::remove_dir_all(root).unwrap();
    }
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn generated_code_is_as_expected() {
    let mut changed = Vec::new();
    for case in cases() {
        let generated = generate(&case);
        let directory = Path::new(GOLDEN).join(&case);
        let expected = directory.join("expected");
        if read(&expected) != *generated.files() {
            rewrite(&expected, generated.files());
            changed.push(expected);
        }
        // The other style, of the cases that are also compiled so.
        let inline = directory.join("inline.rs");
        if ["clicks", "everything", "processors"].contains(&case.as_str())
            && fs::read_to_string(&inline).ok() != Some(generated.inline())
        {
            fs::write(&inline, generated.inline()).unwrap();
            changed.push(inline);
        }
    }
    assert_eq!(
        changed,
        Vec::<PathBuf>::new(),
        "rewritten: see git diff, run again if it is right"
    );
}

#[test]
fn generation_is_deterministic() {
    for case in cases() {
        let (first, second) = (generate(&case), generate(&case));
        assert_eq!(first.files(), second.files(), "{case}");
        assert_eq!(first.inline(), second.inline(), "{case}");
    }
}

#[test]
fn every_case_is_compiled() {
    let compiled = fs::read_to_string("tests/compile/main.rs").unwrap();
    for case in cases() {
        let module = format!("#[path = \"../golden/{case}/expected/mod.rs\"]");
        assert!(
            compiled.contains(&module),
            "tests/compile/main.rs lacks {module}"
        );
    }
}

#[test]
fn both_styles_hold_the_same_code() {
    // What says where a module is differs between the styles; all other lines are in both, in order.
    let structure = ["// ", "mod ", "pub mod ", "#[path", "#[rustfmt::skip]"];
    for case in cases() {
        let generated = generate(&case);
        let inline = generated.inline();
        for (path, text) in generated
            .files()
            .iter()
            .filter(|(path, _)| *path != "mod.rs")
        {
            let mut rest = inline.as_str();
            for line in text.lines() {
                if structure.iter().any(|start| line.starts_with(start)) {
                    continue;
                }
                let at = rest
                    .find(line)
                    .unwrap_or_else(|| panic!("{case}/{path}: lacks {line}"));
                rest = &rest[at + line.len()..];
            }
        }
    }
}

#[test]
fn rustfmt_leaves_generated_code_alone() {
    let roots = cases()
        .into_iter()
        .map(|case| format!("{GOLDEN}/{case}/expected/mod.rs"));
    let status = std::process::Command::new("rustfmt")
        .args(["--check", "--edition", "2024"])
        .args(roots)
        .status()
        .expect("rustfmt runs");
    assert!(
        status.success(),
        "users who check in generated code could not run `cargo fmt --check`"
    );
}

/// As much of google/protobuf/descriptor.proto as it takes to read an option that older versions of it lack:
/// types that do not know it drop it without a word.
mod descriptor {
    #[derive(prost::Message)]
    pub(super) struct FileSet {
        #[prost(message, repeated, tag = "1")]
        pub(super) file: Vec<File>,
    }

    #[derive(prost::Message)]
    pub(super) struct File {
        #[prost(message, repeated, tag = "4")]
        pub(super) message_type: Vec<Message>,
    }

    #[derive(prost::Message)]
    pub(super) struct Message {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(message, repeated, tag = "2")]
        pub(super) field: Vec<Field>,
        #[prost(message, repeated, tag = "3")]
        pub(super) nested_type: Vec<Message>,
    }

    #[derive(prost::Message)]
    pub(super) struct Field {
        #[prost(string, tag = "1")]
        pub(super) name: String,
        #[prost(message, optional, tag = "8")]
        pub(super) options: Option<Options>,
    }

    #[derive(prost::Message)]
    pub(super) struct Options {
        #[prost(bool, optional, tag = "16")]
        pub(super) debug_redact: Option<bool>,
    }
}

/// The fields of `messages` that are marked, by the messages they are in.
fn marked(messages: &[descriptor::Message]) -> Vec<String> {
    let of_message = |message: &descriptor::Message| {
        let is_marked = |field: &&descriptor::Field| {
            let options = field.options.as_ref();
            options.and_then(|options| options.debug_redact) == Some(true)
        };
        let fields = message.field.iter().filter(is_marked);
        let mut names: Vec<_> = fields.map(|field| field.name.clone()).collect();
        names.extend(marked(&message.nested_type));
        names
            .into_iter()
            .map(|name| format!("{}.{name}", message.name))
            .collect::<Vec<_>>()
    };
    messages.iter().flat_map(of_message).collect()
}

#[test]
fn what_a_proto_marks_for_redaction_is_marked_in_the_generated_descriptors() {
    let generated = generate("protobuf");
    let files = syn::parse_file(&generated.files()["files.km.rs"]).unwrap();
    let bytes = files.items.into_iter().find_map(|item| match item {
        syn::Item::Static(item) if item.ident == "FILES" => match *item.expr {
            syn::Expr::Lit(literal) => match literal.lit {
                syn::Lit::ByteStr(bytes) => Some(bytes.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    let set = descriptor::FileSet::decode(bytes.unwrap().as_slice()).unwrap();
    let mut found: Vec<_> = set
        .file
        .iter()
        .flat_map(|file| marked(&file.message_type))
        .collect();
    found.sort();
    assert_eq!(found, ["Drawing.Layer.style", "Drawing.thumbnail"]);
}
