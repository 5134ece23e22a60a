//! What the program is told, and what it answers to that.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

mod read;
mod refused;
mod warned;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The program with these arguments, and with these variables only, in `directory`.
pub(crate) fn run(directory: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kafmesh-discover"))
        .args(args)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir(directory)
        .output()
        .unwrap()
}

/// The settings in effect, and the warnings.
pub(crate) fn settings(
    directory: &Path,
    args: &[&str],
    variables: &[(&str, &str)],
) -> (String, String) {
    let mut all = args.to_vec();
    all.push("--check-config");
    let output = run(directory, &all, variables);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    (String::from_utf8(output.stdout).unwrap(), errors)
}

/// What is said of a configuration that is refused.
pub(crate) fn refused(directory: &Path, args: &[&str], variables: &[(&str, &str)]) -> String {
    let mut all = args.to_vec();
    all.push("--check-config");
    let output = run(directory, &all, variables);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    String::from_utf8(output.stderr).unwrap()
}

/// A directory with these files.
pub(crate) fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}
