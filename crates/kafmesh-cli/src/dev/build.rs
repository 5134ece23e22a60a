//! `cargo build` of services.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::guard;
use super::package::{Package, cargo};
use super::process::Group;
use crate::exit::Failure;

/// What is used of cargo's messages (`--message-format=json`).
#[derive(Deserialize)]
struct Message {
    manifest_path: PathBuf,
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Builds the binaries of `packages`, which are of one workspace, and says where each is, in their
/// order; cargo's progress and errors go to the terminal.
///
/// It is one build of the whole workspace's features: what is built one by one, or by another
/// selection of packages, may need other features of the same crates, and compiles them twice.
///
/// # Errors
/// [`Failure::Findings`] when one does not compile, which cargo has told then.
pub(super) async fn build(packages: &[&Package], release: bool) -> Result<Vec<PathBuf>, Failure> {
    let Some(first) = packages.first() else {
        return Ok(Vec::new());
    };
    let mut command = guard::command(cargo());
    command
        .args([
            "build",
            "--message-format=json-render-diagnostics",
            "--workspace",
        ])
        .current_dir(&first.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    for bin in packages
        .iter()
        .map(|package| &package.bin)
        .collect::<BTreeSet<_>>()
    {
        command.args(["--bin", bin]);
    }
    if release {
        command.arg("--release");
    }
    // `cargo run` tells a program of its package. Passed on, that makes build scripts which look at
    // it run anew, and everything that depends on them.
    let told = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| told(name)) {
        command.env_remove(name);
    }
    let fail = |error| Failure::new("cannot run cargo", error);
    let mut group = Group::spawn(&mut command).map_err(fail)?;
    let mut built = Vec::new();
    if let Some(messages) = group.child().stdout.take() {
        let mut lines = BufReader::new(messages).lines();
        while let Some(line) = lines.next_line().await.map_err(fail)? {
            if let Ok(message) = serde_json::from_str::<Message>(&line)
                && message.target.kind.iter().any(|kind| kind == "bin")
            {
                built.push(message);
            }
        }
    }
    if !group.wait().await.map_err(fail)?.success() {
        return Err(Failure::Findings);
    }
    packages
        .iter()
        .map(|package| {
            let manifest = package.directory.join("Cargo.toml");
            let of_package = |message: &&Message| {
                message.target.name == package.bin && message.manifest_path == manifest
            };
            let message = built.iter().find(of_package);
            message
                .and_then(|message| message.executable.clone())
                .ok_or_else(|| {
                    Failure::Error(format!(
                        "cargo built no {} in {}",
                        package.bin,
                        package.directory.display()
                    ))
                })
        })
        .collect()
}
