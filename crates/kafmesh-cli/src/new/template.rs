//! The files of a new project.

use std::path::PathBuf;

use kafmesh_definition::Name;

use super::PackageName;

/// Where the project's kafmesh comes from.
pub(super) enum Kafmesh {
    /// The registry, in this program's version.
    Published,
    /// The crate in this directory.
    Path(PathBuf),
}

/// A file, relative to the project.
pub(super) struct File {
    pub(super) path: &'static str,
    pub(super) contents: String,
}

/// The files' texts with `{{…}}` where they differ. What cargo would take for a package, or git for
/// an instruction, has another name here.
const FILES: &[(&str, &str)] = &[
    (
        "Cargo.toml",
        include_str!("../../templates/new/Cargo.toml.txt"),
    ),
    (
        ".gitignore",
        include_str!("../../templates/new/gitignore.txt"),
    ),
    ("README.md", include_str!("../../templates/new/README.md")),
    (
        "docs/definition.yaml",
        include_str!("../../templates/new/docs/definition.yaml"),
    ),
    (
        "docs/components/clicks.yaml",
        include_str!("../../templates/new/docs/components/clicks.yaml"),
    ),
    (
        "protos/user_id.proto",
        include_str!("../../templates/new/protos/user_id.proto"),
    ),
    (
        "src/main.rs",
        include_str!("../../templates/new/src/main.rs"),
    ),
    (
        "src/counter.rs",
        include_str!("../../templates/new/src/counter.rs"),
    ),
];

/// The files of the project `package`, without the generated ones.
pub(super) fn files(package: &PackageName, kafmesh: &Kafmesh) -> Vec<File> {
    let service = Name::new(package.as_str()).lower_camel();
    let dependency = match kafmesh {
        Kafmesh::Published => format!("\"{}\"", env!("CARGO_PKG_VERSION")),
        // JSON's strings are TOML's basic strings for everything that can be in a path.
        Kafmesh::Path(path) => {
            format!(
                "{{ path = {} }}",
                serde_json::Value::from(path.to_string_lossy())
            )
        }
    };
    FILES
        .iter()
        .map(|(path, text)| File {
            path,
            contents: text
                .replace("{{package}}", package.as_str())
                .replace("{{service}}", &service)
                .replace("{{kafmesh}}", &dependency),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_placeholder_is_filled() {
        let name: PackageName = "click-counter".parse().unwrap();
        for file in files(&name, &Kafmesh::Path("/a \"b\"".into())) {
            assert!(!file.contents.contains("{{"), "{}", file.path);
        }
        let files = files(&name, &Kafmesh::Published);
        assert!(
            files[0]
                .contents
                .contains(&format!("kafmesh = \"{}\"", env!("CARGO_PKG_VERSION")))
        );
        assert!(files[3].contents.contains("\nname: clickCounter\n"));
    }
}
