//! Where a definition's code is generated and built.

use std::env;
use std::path::{Path, PathBuf};

use super::package::Package;
use crate::directory;
use crate::exit::Failure;
use crate::report::{self, Format};

/// Where generation of `definition` runs, and the package the code is for.
///
/// That is the package the definition is in. Where it is in none, as beside the packages of a
/// workspace, generation runs here, and the package is the one its output is in.
pub(super) fn place(definition: &Path, bin: Option<&str>) -> Result<(PathBuf, Package), Failure> {
    let directory = definition.parent().unwrap_or(Path::new("/"));
    if let Some(package) = Package::containing(directory, bin)? {
        return Ok((package.directory.clone(), package));
    }
    let here =
        env::current_dir().map_err(|error| Failure::new("cannot tell where this runs", error))?;
    let loaded = report::findings(kafmesh_definition::load(definition), Format::Text)?;
    match Package::containing(&here.join(&loaded.output.path), bin)? {
        Some(package) => Ok((here, package)),
        None => Err(Failure::Error(format!(
            "no cargo package contains {} or its output {}: there is no Cargo.toml with a [package] \
             in their directories or above; start one with `kafmesh new`",
            directory::shown(definition),
            loaded.output.path.display()
        ))),
    }
}
