//! The command lines, as their users see them: what is printed, what is written, how it ends.
//!
//! `TRYCMD=overwrite cargo test -p kafmesh-cli --test commands` rewrites the expectations.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

#[test]
fn commands() {
    let cases = trycmd::TestCases::new();
    // Help is wrapped to the terminal's width.
    cases.env("COLUMNS", "100");
    // As if not set, whatever the developer uses.
    cases.env("KAFMESH_BROKERS", "");
    cases.case("tests/cmd/*.trycmd");
    // Help lists `dev`, which is not always there.
    if !cfg!(all(feature = "dev", unix)) {
        cases.skip("tests/cmd/help.trycmd");
        cases.skip("tests/cmd/usage.trycmd");
        cases.skip("tests/cmd/dev.trycmd");
    }
}

fn kafmesh(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kafmesh"));
    command
        .args(args)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cmd/check.in"))
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR")
        .env_remove("CLICOLOR_FORCE");
    command
}

fn is_coloured(output: &Output) -> bool {
    [&output.stdout, &output.stderr]
        .iter()
        .any(|text| text.contains(&0x1b))
}

#[test]
fn a_reader_that_goes_away_ends_the_output_and_nothing_else() {
    for (args, code) in [
        (&["schema"][..], 0),
        (&["graph"], 0),
        (&["describe", "--format", "json"], 0),
        (&["completions", "zsh"], 0),
        (&["--help"], 0),
        (&["check", "broken.yaml", "--format", "json"], 1),
    ] {
        let mut command = kafmesh(args);
        // A pipe without a reader.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {errors}");
        assert!(!errors.contains("panicked"), "{args:?}: {errors}");
    }
}

#[test]
fn colours_are_for_those_who_can_see_them() {
    for args in [
        &["describe"][..],
        &["check"],
        &["check", "broken.yaml"],
        &["--help"],
    ] {
        let plain = kafmesh(args).output().unwrap();
        assert!(!is_coloured(&plain), "{args:?} without a terminal");
        let forced = kafmesh(args).env("CLICOLOR_FORCE", "1").output().unwrap();
        assert!(is_coloured(&forced), "{args:?} with CLICOLOR_FORCE");
        let refused = kafmesh(args)
            .env("CLICOLOR_FORCE", "1")
            .env("NO_COLOR", "1")
            .output();
        assert!(!is_coloured(&refused.unwrap()), "{args:?} with NO_COLOR");
    }
    // What programs read has none, whatever is forced.
    for args in [
        &["describe", "--format", "json"][..],
        &["graph"],
        &["schema"],
    ] {
        let forced = kafmesh(args).env("CLICOLOR_FORCE", "1").output().unwrap();
        assert!(!forced.stdout.contains(&0x1b), "{args:?}");
    }
}
