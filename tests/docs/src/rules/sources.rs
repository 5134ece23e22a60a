//! What may stand in which file.

use crate::repository::File;

/// The folder in which `unsafe` is allowed, each file with its reasons in it.
const UNSAFE: &[&str] = &[
    "crates/kafmesh/src/kafka/rdkafka/ffi/",
    "crates/kafmesh-discover/src/kafka/requests.rs",
];

/// Rust sources of the runtime that name the Kafka client's library outside of the module for it.
pub fn outside_kafka(files: &[File]) -> Vec<String> {
    let outside = |file: &&File| {
        let path = &file.path;
        path.starts_with("crates/kafmesh/")
            && path.ends_with(".rs")
            && !path.starts_with("crates/kafmesh/src/kafka/")
    };
    lines(
        files.iter().filter(outside),
        |line| has_word(line, "rdkafka"),
        "names rdkafka",
    )
}

/// Files of the module for Kafka, above the one for rdkafka, that use the library itself.
pub fn past_rdkafka(files: &[File]) -> Vec<String> {
    let above = |file: &&File| {
        file.path.starts_with("crates/kafmesh/src/kafka/")
            && !file.path.starts_with("crates/kafmesh/src/kafka/rdkafka/")
    };
    lines(
        files.iter().filter(above),
        |line| root_names(line).any(|name| name == "rdkafka"),
        "uses the library rdkafka",
    )
}

/// Rust sources with unsafe code where there should be none.
pub fn unsafe_code(files: &[File]) -> Vec<String> {
    // In pieces, so that this file is not found.
    let keyword = ["un", "safe"].concat();
    let forms = [" {", " fn", " impl", " extern", " trait"].map(|form| format!("{keyword}{form}"));
    let allowance = format!("({keyword}_code");
    let safe = |file: &&File| {
        let unsafe_place = |place: &&str| file.path.starts_with(*place);
        file.path.ends_with(".rs") && !UNSAFE.iter().any(unsafe_place)
    };
    let found = |line: &str| {
        let line = line.trim_start();
        !line.starts_with("//")
            && (line.contains(&allowance) || forms.iter().any(|form| line.contains(form)))
    };
    lines(files.iter().filter(safe), found, "has unsafe code")
}

/// Generated files that name a crate other than the runtime and the standard library.
pub fn foreign_names(files: &[File]) -> Vec<String> {
    let generated = |file: &&File| file.path.ends_with(".km.rs");
    let foreign = |line: &str| {
        !line.trim_start().starts_with("//")
            && root_names(line).any(|name| !["std", "core", "kafmesh"].contains(&name))
    };
    lines(
        files.iter().filter(generated),
        foreign,
        "names another crate",
    )
}

/// The names behind a `::` that nothing stands before: crates.
fn root_names(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("::").filter_map(|(at, _)| {
        let before = line[..at].chars().next_back();
        let is_root = before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | '>'));
        let after = &line[at + 2..];
        let end = after
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(after.len());
        Some(&after[..end]).filter(|name| is_root && !name.is_empty())
    })
}

/// Rust sources that do not say in their first line what they own.
pub fn untitled(files: &[File]) -> Vec<String> {
    let modules = files.iter().filter(|file| {
        let path = &file.path;
        path.ends_with(".rs")
            && !path.ends_with(".km.rs")
            && !path.contains("/golden/")
            && !path.contains("/templates/")
    });
    modules
        .filter(|file| !file.text.starts_with("//!") && !file.text.starts_with("// Code generated"))
        .map(|file| format!("{} does not begin with a `//!` line", file.path))
        .collect()
}

/// Mentions of one machine's directories or of the hosts that packages come from, which differ from place to place.
pub fn places(files: &[File]) -> Vec<String> {
    // In pieces, so that this file is not found.
    let directory = |name: &str| format!("/{name}/");
    let host = |parts: &[&str]| parts.join(".");
    let places = [
        directory("work"),
        directory("root"),
        directory("farm"),
        directory("home"),
        host(&["index", "crates", "io"]),
        host(&["static", "crates", "io"]),
        host(&["proxy", "golang", "org"]),
        host(&["registry", "npmjs", "org"]),
        host(&["repo1", "maven", "org"]),
        host(&["repo", "maven", "apache", "org"]),
        host(&["files", "pythonhosted", "org"]),
        host(&["deb", "debian", "org"]),
    ];
    let checked = files
        .iter()
        .filter(|file| !file.path.ends_with("Cargo.lock"));
    lines(
        checked,
        |line| places.iter().any(|place| mentions(line, place)),
        "names a place of one machine",
    )
}

/// Whether `line` has `place`, a directory only at the start of a path.
fn mentions(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !place.starts_with('/')
            || before.is_none_or(|c| {
                !c.is_alphanumeric() && !matches!(c, '_' | '-' | '.' | '/' | '}' | '~')
            })
    })
}

fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

/// One message for each line of `files` that `wrong` finds.
fn lines<'a>(
    files: impl Iterator<Item = &'a File>,
    wrong: impl Fn(&str) -> bool,
    what: &str,
) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let numbered = file
            .text
            .lines()
            .enumerate()
            .filter(|(_, line)| wrong(line));
        found.extend(
            numbered.map(|(index, line)| {
                format!("{}:{} {what}: {}", file.path, index + 1, line.trim())
            }),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_outside_of_its_module() {
        let text = "// librdkafka is fine\nuse rdkafka::Message;\n";
        let found = outside_kafka(&[
            File::new("crates/kafmesh/src/view.rs", text),
            File::new("crates/kafmesh/src/kafka/mod.rs", text),
            File::new("bench/src/main.rs", text),
        ]);
        assert_eq!(
            found,
            ["crates/kafmesh/src/view.rs:2 names rdkafka: use rdkafka::Message;"]
        );
        let text =
            "pub(crate) use rdkafka::Lane;\nuse ::rdkafka::Message;\nuse super::rdkafka::Lane;\n";
        let found = past_rdkafka(&[
            File::new("crates/kafmesh/src/kafka/mod.rs", text),
            File::new("crates/kafmesh/src/kafka/rdkafka/ffi/mod.rs", text),
        ]);
        assert_eq!(
            found,
            ["crates/kafmesh/src/kafka/mod.rs:2 uses the library rdkafka: use ::rdkafka::Message;"]
        );
    }

    #[test]
    fn unsafe_code_is_found() {
        let keyword = ["un", "safe"].concat();
        let text = format!(
            "// {keyword} {{}} in a comment\nlet name = \"{keyword}\";\n{keyword} {{ call() }}\n#![allow({keyword}_code)]\n"
        );
        let found = unsafe_code(&[
            File::new("crates/a/src/lib.rs", &text),
            File::new(&format!("{}queue.rs", UNSAFE[0]), &text),
        ]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("crates/a/src/lib.rs:3 "));
    }

    #[test]
    fn another_crate_in_generated_code_is_found() {
        let text = "use ::kafmesh::codegen::v1 as codegen;\nlet x: ::std::vec::Vec<u8> = a::b::<u8>();\n    #[prost(::serde::Serialize)]\n";
        let found = foreign_names(&[File::new("a/b.km.rs", text), File::new("a/b.rs", text)]);
        assert_eq!(
            found,
            ["a/b.km.rs:3 names another crate: #[prost(::serde::Serialize)]"]
        );
    }

    #[test]
    fn a_module_without_title_is_found() {
        let found = untitled(&[
            File::new("a.rs", "//! A.\n"),
            File::new("b.rs", "use a;\n"),
            File::new("b.km.rs", "use a;\n"),
        ]);
        assert_eq!(found, ["b.rs does not begin with a `//!` line"]);
    }

    #[test]
    fn places_of_one_machine_are_found() {
        let directory = ["/ro", "ot/x"].concat();
        let host = ["static.crates", ".io"].concat();
        let text =
            format!("see {directory}\nfrom https://{host}/a\nvar{directory}\n$HOME{directory}\n");
        let found = places(&[File::new("a.md", &text), File::new("Cargo.lock", &text)]);
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
