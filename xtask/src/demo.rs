//! `cargo xtask demo`: the examples with generated traffic, from nothing to live results in the terminal.

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::{process, require, say};

/// What is run: services as their users would write them.
const DEFINITIONS: [&str; 2] = [
    "examples/clicks/docs/definition.yaml",
    "examples/devices/docs/definition.yaml",
];

/// The command line tool and the services, which `kafmesh dev` builds the same way again: in one build
/// of the whole workspace's features, so that nothing is compiled twice.
const BINARIES: [&str; 3] = ["kafmesh", "clicks", "devices"];

/// Builds and starts the demo; returns only when that fails.
///
/// The last step replaces this process, so that Ctrl-C goes to `kafmesh dev` alone, which ends what it started.
pub(crate) fn run() -> Result<bool> {
    say::step("1 of 3: checking what the build needs");
    require::ensure(&require::BUILD)?;

    say::step(
        "2 of 3: building kafmesh and the services (minutes the first time; kept in target/)",
    );
    let started = Instant::now();
    // The development profile: its code is slower, but it is there much sooner.
    let mut build = process::tethered("cargo");
    build
        .args(["build", "--workspace"])
        .current_dir(crate::root());
    for binary in BINARIES {
        build.args(["--bin", binary]);
    }
    if !process::run(&mut build)?.success() {
        bail!("the demo cannot be built");
    }
    say::note(format!("built in {}", say::took(started.elapsed())));

    say::step(format!(
        "3 of 3: kafmesh dev {} -- --demo (Ctrl-C stops everything)",
        DEFINITIONS.join(" ")
    ));
    // Beside this program. `cargo run` would build it anew, for its own features only.
    let kafmesh = std::env::current_exe()
        .context("cannot find the programs that were built")?
        .with_file_name(BINARIES[0]);
    let mut run = Command::new(kafmesh);
    process::forget_own_package(&mut run);
    let error = run
        .arg("dev")
        .args(DEFINITIONS)
        .args(["--", "--demo"])
        // The warehouse of the devices; nothing of the demo stays.
        .env("DATABASE_URL", "sqlite::memory:")
        .current_dir(crate::root())
        .exec();
    Err(error).context("cannot start kafmesh dev")
}
