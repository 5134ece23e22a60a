//! The cargo package a definition belongs to.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::exit::Failure;

/// A package and the binary in it that is the service.
#[derive(Debug)]
pub(super) struct Package {
    /// Directory of its Cargo.toml.
    pub(super) directory: PathBuf,
    /// Directory of its workspace; its own when it is in none.
    pub(super) workspace: PathBuf,
    pub(super) name: String,
    pub(super) bin: String,
    /// Whether its build script generates the code.
    pub(super) builds_definitions: bool,
}

/// What is used of `cargo metadata`'s answer.
#[derive(Deserialize)]
struct Metadata {
    workspace_root: PathBuf,
    packages: Vec<MetadataPackage>,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    manifest_path: PathBuf,
    default_run: Option<String>,
    targets: Vec<Target>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

/// The program to ask and build with: that of the surrounding `cargo run`, if any.
pub(super) fn cargo() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

impl Package {
    /// The package that contains `directory`: the nearest above, `None` when there is none.
    ///
    /// # Errors
    /// When cargo cannot read it, or it is not clear which binary is meant.
    pub(super) fn containing(directory: &Path, bin: Option<&str>) -> Result<Option<Self>, Failure> {
        for above in directory.ancestors() {
            let manifest = above.join("Cargo.toml");
            if manifest.is_file()
                && let Some((workspace, package)) = read(&manifest)?
            {
                return Self::new(above, workspace, package, bin).map(Some);
            }
        }
        Ok(None)
    }

    fn new(
        directory: &Path,
        workspace: PathBuf,
        package: MetadataPackage,
        wanted: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut bins: Vec<_> = package
            .targets
            .into_iter()
            .filter(|target| target.kind.iter().any(|kind| kind == "bin"))
            .map(|target| target.name)
            .collect();
        let name = package.name;
        let bin = match (
            wanted.map(str::to_owned).or(package.default_run),
            bins.len(),
        ) {
            (Some(bin), _) if bins.contains(&bin) => bin,
            (Some(bin), _) => {
                return Err(Failure::Error(format!(
                    "package {name} has no binary {bin}; it has: {}",
                    bins.join(", ")
                )));
            }
            (None, 1) => bins.remove(0),
            (None, 0) => {
                return Err(Failure::Error(format!(
                    "package {name} has no binary to run; add src/main.rs"
                )));
            }
            (None, _) => {
                return Err(Failure::Error(format!(
                    "package {name} has several binaries ({}); say which is the service with \
                     --bin, or with default-run in its Cargo.toml",
                    bins.join(", ")
                )));
            }
        };
        let builds_definitions = package.dependencies.iter().any(|dependency| {
            dependency.name == "kafmesh-build" && dependency.kind.as_deref() == Some("build")
        });
        Ok(Self {
            directory: directory.to_path_buf(),
            workspace,
            name,
            bin,
            builds_definitions,
        })
    }
}

/// The package of `manifest` and its workspace; `None` when it is a workspace's only.
fn read(manifest: &Path) -> Result<Option<(PathBuf, MetadataPackage)>, Failure> {
    let what = || format!("cannot read {}", manifest.display());
    let output = Command::new(cargo())
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(manifest)
        .output()
        .map_err(|error| Failure::new("cannot run cargo", error))?;
    if !output.status.success() {
        return Err(Failure::new(
            what(),
            String::from_utf8_lossy(&output.stderr).trim(),
        ));
    }
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).map_err(|error| Failure::new(what(), error))?;
    let package = metadata
        .packages
        .into_iter()
        .find(|package| package.manifest_path == manifest);
    Ok(package.map(|package| (metadata.workspace_root, package)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A directory with these files, below which packages are looked for.
    fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        directory
    }

    fn find(directory: &tempfile::TempDir, bin: Option<&str>) -> Result<Option<Package>, String> {
        let below = directory.path().canonicalize().unwrap().join("svc/docs");
        Package::containing(&below, bin).map_err(|failure| match failure {
            Failure::Error(text) => text,
            Failure::Findings => unreachable!("nothing is checked here"),
        })
    }

    const MANIFEST: &str = "[package]\nname = \"svc\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";

    #[test]
    fn the_nearest_package_is_found_and_its_only_binary() {
        let one = files(&[
            ("svc/Cargo.toml", MANIFEST),
            ("svc/src/main.rs", "fn main() {}"),
        ]);
        let package = find(&one, None).unwrap().unwrap();
        assert_eq!(
            (package.name.as_str(), package.bin.as_str()),
            ("svc", "svc")
        );
        assert!(package.directory.ends_with("svc"));
        assert!(!package.builds_definitions);
        assert!(
            find(&one, Some("other"))
                .unwrap_err()
                .contains("no binary other; it has: svc")
        );
    }

    #[test]
    fn a_workspace_alone_is_no_package() {
        let workspace = files(&[("svc/Cargo.toml", "[workspace]\nresolver = \"3\"\n")]);
        assert!(find(&workspace, None).unwrap().is_none());
    }

    #[test]
    fn of_several_binaries_one_must_be_named() {
        let bins = [
            ("svc/src/bin/a.rs", "fn main() {}"),
            ("svc/src/bin/b.rs", "fn main() {}"),
        ];
        let two = files(&[("svc/Cargo.toml", MANIFEST), bins[0], bins[1]]);
        assert!(
            find(&two, None)
                .unwrap_err()
                .contains("several binaries (a, b)")
        );
        assert_eq!(find(&two, Some("b")).unwrap().unwrap().bin, "b");

        let default = MANIFEST.to_owned() + "default-run = \"a\"\n";
        let two = files(&[("svc/Cargo.toml", &default), bins[0], bins[1]]);
        assert_eq!(find(&two, None).unwrap().unwrap().bin, "a");
    }

    #[test]
    fn a_build_dependency_generates_the_code() {
        let manifest = MANIFEST.to_owned() + "[build-dependencies]\nkafmesh-build = \"0.1\"\n";
        let style = files(&[
            ("svc/Cargo.toml", &manifest),
            ("svc/src/main.rs", "fn main() {}"),
        ]);
        assert!(find(&style, None).unwrap().unwrap().builds_definitions);
    }
}
