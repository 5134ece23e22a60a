//! Every case in `tests/golden` generates exactly what lies in its `expected` directory.
//!
//! A difference is written to `expected`, so that `git diff` shows it, and fails the test. What is expected
//! is compiled, and used, by `tests/compile.rs`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kafmesh_build::Generated;

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
        if ["clicks", "processors"].contains(&case.as_str())
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
    let compiled = fs::read_to_string("tests/compile.rs").unwrap();
    for case in cases() {
        let module = format!("#[path = \"golden/{case}/expected/mod.rs\"]");
        assert!(
            compiled.contains(&module),
            "tests/compile.rs lacks {module}"
        );
    }
}

#[test]
fn both_styles_hold_the_same_code() {
    // Lines that say where a module is, or whose place differs, are all that may be missing.
    let structure = |line: &str| {
        [
            "mod ",
            "pub mod ",
            "#[path",
            "#![allow",
            "#[rustfmt::skip]",
            "// ",
            "//! The service `",
        ]
        .iter()
        .any(|start| line.starts_with(start))
    };
    for case in cases() {
        let generated = generate(&case);
        let inline = generated.inline();
        for (path, text) in generated.files() {
            let body = text
                .lines()
                .filter(|line| !structure(line))
                .collect::<Vec<_>>()
                .join("\n");
            let body = body.trim_start_matches(|c| c == '\n');
            let mut found = inline.as_str();
            for line in body
                .lines()
                .filter(|line| !line.is_empty() && path != "mod.rs")
            {
                let at = found
                    .find(line)
                    .unwrap_or_else(|| panic!("{case}/{path}: lacks {line}"));
                found = &found[at..];
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
