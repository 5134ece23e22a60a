//! `cargo xtask codegen`: the checked-in generated code of the examples.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

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
    // With the features of the whole workspace, as its tests are built: with those of one package alone, half of the
    // dependencies would be compiled a second time.
    let mut build = process::tethered("cargo");
    build.args([
        "build",
        "--workspace",
        "--bin",
        "kafmesh",
        "--bin",
        "kafmesh-gen",
    ]);
    if !process::run(build.current_dir(crate::root()))?.success() {
        bail!("the generator cannot be built");
    }
    let mut good = true;
    for example in examples(&crate::root())? {
        say::note(format!(
            "{}/{DEFINITION}",
            example
                .strip_prefix(crate::root())
                .unwrap_or(&example)
                .display()
        ));
        let mut generate = match mode {
            Mode::Write => process::tethered(beside_this("kafmesh-gen")?),
            Mode::Check => process::tethered(beside_this("kafmesh")?),
        };
        if mode == Mode::Check {
            generate.args(["generate", "--check"]);
        }
        good &= process::run(generate.arg(DEFINITION).current_dir(example))?.success();
    }
    if mode == Mode::Check && !good {
        say::note("`cargo xtask codegen` brings it up to date");
    }
    Ok(good)
}

/// A program that cargo built into the folder it built this one into.
fn beside_this(program: &str) -> Result<PathBuf> {
    let this = std::env::current_exe().context("cannot find out where this program is")?;
    Ok(this.with_file_name(program))
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
