//! cargo-deny: the licences and sources of all dependencies, by the rules in `deny.toml`.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{cache, process, require, say};

/// The version that is compiled where none is installed.
const VERSION: &str = "0.20.2";

/// Returns whether all dependencies keep to the rules.
///
/// `advisories` adds the check for known security holes. It is not part of every run because it fetches its database
/// from a git host, which not every machine reaches, and because it can fail without any change here.
pub(super) fn check(advisories: bool) -> Result<bool> {
    let mut command = process::tethered(executable()?);
    command.args([
        "--workspace",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]);
    if advisories {
        command.arg("advisories");
    }
    Ok(process::run(command.current_dir(crate::root()))?.success())
}

/// The installed cargo-deny, else one that is compiled once and kept.
fn executable() -> Result<PathBuf> {
    if let Some(installed) = require::program("cargo-deny") {
        return Ok(installed);
    }
    let folder = cache::folder(&format!("cargo-deny-{VERSION}"), |folder| {
        say::note(format!(
            "compiling cargo-deny {VERSION}: some minutes, only the first time (kept in {}; --skip-deny leaves it out)",
            cache::directory()?.display()
        ));
        let mut install = process::tethered("cargo");
        install
            .args(["install", "--locked", "--version", VERSION, "--root"])
            .arg(folder)
            .arg("cargo-deny");
        if !process::run(&mut install)?.success() {
            bail!("cannot install cargo-deny");
        }
        Ok(())
    })?;
    Ok(folder.join("bin/cargo-deny"))
}
