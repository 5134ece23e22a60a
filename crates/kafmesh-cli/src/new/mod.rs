//! `kafmesh new`: a small service with its tests.

mod name;
mod template;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) use name::PackageName;

use crate::args::New;
use crate::exit::Failure;
use crate::{directory, generate, report, terminal};

/// What has to be done while no registry has kafmesh.
const UNPUBLISHED: &str = "  cargo add kafmesh --path CHECKOUT/crates/kafmesh   # CHECKOUT of kafmesh, until it is published\n";

pub(crate) fn run(args: &New) -> Result<(), Failure> {
    let root = args
        .path
        .clone()
        .unwrap_or_else(|| PathBuf::from(args.name.as_str()));
    let kafmesh = match &args.kafmesh_path {
        Some(checkout) => template::Kafmesh::Path(crate_in(checkout)?),
        None => template::Kafmesh::Published,
    };
    require_empty(&root)?;
    for file in template::files(&args.name, &kafmesh) {
        write(&root.join(file.path), &file.contents)?;
    }
    // From inside, as its user will: the generated files name the definition as it was given.
    directory::inside(&root, || {
        generate::write(&["docs/definition.yaml".into()], report::Format::Text)
    })??;

    let shown = root.display();
    terminal::done("created", &format!("{} in {shown}", args.name.as_str()));
    let found = match kafmesh {
        template::Kafmesh::Path(_) => "",
        template::Kafmesh::Published => UNPUBLISHED,
    };
    terminal::say(&format!(
        "\nNext:\n  cd {shown}\n{found}  cargo test\n  kafmesh dev docs/definition.yaml -- --traffic"
    ));
    Ok(())
}

/// The runtime's crate in a checkout, as an absolute path: the project may be moved.
fn crate_in(checkout: &Path) -> Result<PathBuf, Failure> {
    let found = [checkout.join("crates/kafmesh"), checkout.to_path_buf()]
        .into_iter()
        .find(|path| path.join("Cargo.toml").is_file() && path.join("src/lib.rs").is_file());
    let Some(path) = found else {
        let checkout = checkout.display();
        return Err(Failure::Error(format!(
            "{checkout} is no checkout of kafmesh: there is no crates/kafmesh in it"
        )));
    };
    path.canonicalize()
        .map_err(|error| Failure::new(format!("cannot resolve {}", path.display()), error))
}

fn require_empty(root: &Path) -> Result<(), Failure> {
    let shown = root.display();
    let taken = match fs::read_dir(root) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(Failure::new(format!("cannot use {shown}"), error)),
    };
    if taken {
        let text = format!("{shown} is not empty; choose another directory with --path");
        return Err(Failure::Error(text));
    }
    Ok(())
}

fn write(path: &Path, contents: &str) -> Result<(), Failure> {
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, contents));
    written.map_err(|error| Failure::new(format!("cannot write {}", path.display()), error))
}
