//! The build script style: the same code, in one file in `OUT_DIR`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, fmt, fs, io};

use kafmesh_definition::{Diagnostics, TextStyle};

use crate::generate;

/// The file in `OUT_DIR` that `kafmesh::include_definitions!` includes.
const FILE: &str = "kafmesh_definitions.rs";

/// Generates the definition at `path` in a build script, for `kafmesh::include_definitions!()`.
///
/// `path` is relative to the package's directory. Cargo runs the script again when the definition or one of
/// its components and protos changes, or one is added beside them.
///
/// ```no_run
/// // build.rs
/// fn main() -> Result<(), kafmesh_build::Error> {
///     kafmesh_build::compile("docs/definition.yaml")
/// }
/// ```
///
/// # Errors
///
/// Everything that is wrong with the definition, or why the code could not be written to `OUT_DIR`.
pub fn compile(path: impl AsRef<Path>) -> Result<(), Error> {
    let path = path.as_ref();
    let out_dir = env::var_os("OUT_DIR").ok_or(Error(Kind::NoOutDir))?;
    let mut stdout = io::stdout().lock();
    compile_to(path, out_dir, &mut stdout)
}

fn compile_to(path: &Path, out_dir: OsString, cargo: &mut impl io::Write) -> Result<(), Error> {
    let (files, result) = match kafmesh_definition::load(path) {
        Ok(definition) => {
            let generated = generate(&definition).map(|generated| generated.inline());
            (definition.files, generated)
        }
        Err(diagnostics) => (diagnostics.files().to_vec(), Err(diagnostics)),
    };
    // Said before anything can fail: a mistake that is mended has to run the script again.
    for watched in watched(path, &files) {
        writeln!(cargo, "cargo:rerun-if-changed={}", watched.display())
            .map_err(|error| Error(Kind::Io("standard output".into(), error)))?;
    }
    let text = result.map_err(|diagnostics| Error(Kind::Definition(diagnostics)))?;
    let file = PathBuf::from(out_dir).join(FILE);
    // Untouched when it is right already: cargo need not compile the package again.
    if fs::read_to_string(&file).is_ok_and(|old| old == text) {
        return Ok(());
    }
    fs::write(&file, text).map_err(|error| Error(Kind::Io(file, error)))
}

/// What cargo has to watch: every file, and the directories where new components or protos may appear.
fn watched(definition: &Path, files: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut watched: BTreeSet<PathBuf> = files.iter().cloned().collect();
    watched.insert(definition.to_owned());
    // The package's own directory holds `target`, which changes with every build.
    let package = Path::new("");
    let is_package = |directory: &Path| {
        directory == package
            || directory == Path::new(".")
            || env::current_dir().is_ok_and(|current| directory == current)
    };
    let directories: Vec<_> = files
        .iter()
        .filter(|file| *file != definition)
        .filter_map(|file| file.parent())
        .filter(|directory| !is_package(directory))
        .map(Path::to_owned)
        .collect();
    watched.extend(directories);
    watched
}

/// Why [`compile`] failed.
///
/// Build scripts show the error they return with `Debug`, so that prints what `Display` does: the
/// definition's mistakes with excerpts.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Kind);

#[derive(thiserror::Error)]
enum Kind {
    #[error("the definition has mistakes\n\n{}", .0.to_text(TextStyle::Plain))]
    Definition(#[source] Diagnostics),
    #[error("OUT_DIR is not set: kafmesh_build::compile belongs in a build script")]
    NoOutDir,
    #[error("could not write {}: {}", .0.display(), .1)]
    Io(PathBuf, #[source] io::Error),
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINITION: &str = "tests/golden/clicks/definition.yaml";

    #[test]
    fn the_code_is_written_once_and_everything_it_comes_from_is_watched() {
        let out_dir = tempfile::tempdir().unwrap();
        let compile = || {
            let mut said = Vec::new();
            compile_to(Path::new(DEFINITION), out_dir.path().into(), &mut said).unwrap();
            String::from_utf8(said).unwrap()
        };
        let said = compile();
        for watched in [
            DEFINITION,
            "tests/golden/clicks/components",
            "tests/golden/clicks/components/math.yaml",
            "tests/golden/clicks/protos",
            "tests/golden/clicks/protos/user_id.proto",
        ] {
            let line = format!("cargo:rerun-if-changed={watched}");
            assert!(said.lines().any(|said| said == line), "{watched} in {said}");
        }
        let file = out_dir.path().join(FILE);
        let expected = fs::read_to_string("tests/golden/clicks/inline.rs").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), expected);

        let past = std::time::SystemTime::UNIX_EPOCH;
        let open = fs::File::options().write(true).open(&file).unwrap();
        open.set_modified(past).unwrap();
        compile();
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), past);
    }

    #[test]
    fn mistakes_are_shown_with_excerpts_and_watched() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("definition.yaml");
        fs::write(&file, "name: s\noutputs: []\n").unwrap();
        let mut said = Vec::new();
        let error = compile_to(&file, directory.path().into(), &mut said).unwrap_err();
        // What cargo prints of a build script that fails.
        let shown = format!("{error:?}");
        assert!(
            shown.contains("outputs: []") && shown.contains("definition.yaml:2"),
            "{shown}"
        );
        assert_eq!(shown, error.to_string());
        let said = String::from_utf8(said).unwrap();
        assert!(
            said.contains(&format!("cargo:rerun-if-changed={}", file.display())),
            "{said}"
        );
        assert!(!directory.path().join(FILE).exists());
    }
}
