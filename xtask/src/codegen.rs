//! `cargo xtask codegen`: the checked-in generated code of the examples.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{process, say};

/// Where an example's definition is, seen from the example; the generator runs in the example's folder, as its users
/// would run it.
const DEFINITION: &str = "docs/definition.yaml";

/// What to do with the generated code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write it.
    Write,
    /// Only tell whether writing would change anything.
    Check,
}

/// Generates the code of every example; returns whether all went well.
pub(crate) fn run(mode: Mode) -> Result<bool> {
    let mut good = true;
    for example in examples(&crate::root())? {
        say::note(format!(
            "{}/{DEFINITION}",
            example
                .strip_prefix(crate::root())
                .unwrap_or(&example)
                .display()
        ));
        let mut cargo = process::tethered("cargo");
        cargo.args([
            "run",
            "--quiet",
            "--package",
            "kafmesh-cli",
            "--bin",
            "kafmesh-gen",
            "--",
            DEFINITION,
        ]);
        if mode == Mode::Check {
            cargo.arg("--check");
        }
        good &= process::run(cargo.current_dir(example))?.success();
    }
    Ok(good)
}

/// The examples with a definition, in a fixed order.
fn examples(root: &Path) -> Result<Vec<PathBuf>> {
    let folder = root.join("examples");
    let entries =
        std::fs::read_dir(&folder).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
    let entries = entries.with_context(|| format!("cannot read {}", folder.display()))?;
    let mut examples: Vec<_> = entries
        .iter()
        .map(std::fs::DirEntry::path)
        .filter(|example| example.join(DEFINITION).is_file())
        .collect();
    examples.sort();
    Ok(examples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clicks_example_is_found() {
        let names: Vec<_> = examples(&crate::root())
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert!(names.contains(&"clicks".into()), "{names:?}");
        assert!(names.is_sorted());
    }
}
