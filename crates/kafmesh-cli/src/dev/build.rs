//! `cargo build` of one service.

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
    #[serde(default)]
    target: Option<Target>,
    #[serde(default)]
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Builds the package's binary; cargo's progress and errors go to the terminal.
///
/// # Errors
/// [`Failure::Findings`] when it does not compile, which cargo has told then.
pub(super) async fn build(package: &Package, release: bool) -> Result<PathBuf, Failure> {
    let mut command = guard::command(cargo());
    command
        .args([
            "build",
            "--message-format=json-render-diagnostics",
            "--package",
            &package.name,
        ])
        .args(["--bin", &package.bin])
        .current_dir(&package.directory)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
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
    let mut executable = None;
    if let Some(messages) = group.child().stdout.take() {
        let mut lines = BufReader::new(messages).lines();
        while let Some(line) = lines.next_line().await.map_err(fail)? {
            let Ok(Message {
                target: Some(target),
                executable: Some(path),
            }) = serde_json::from_str(&line)
            else {
                continue;
            };
            if target.name == package.bin && target.kind.iter().any(|kind| kind == "bin") {
                executable = Some(path);
            }
        }
    }
    if !group.wait().await.map_err(fail)?.success() {
        return Err(Failure::Findings);
    }
    executable.ok_or_else(|| {
        Failure::Error(format!(
            "cargo built no {} in {}",
            package.bin,
            package.directory.display()
        ))
    })
}
