//! `cargo xtask test`: every check and every test, on real servers, summed up in one line.

mod deny;
pub(crate) mod programs;
mod servers;
mod totals;
pub(crate) mod variables;

use std::ffi::OsString;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::interrupt::Interrupted;
use crate::require::Need;
use crate::{codegen, process, require, say};
use servers::Servers;
use totals::Totals;
use variables::{BROKERS, SASL_BROKERS};

/// What to run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Only the tests.
    pub(crate) skip_checks: bool,
    /// Leave out cargo-deny.
    pub(crate) skip_deny: bool,
    /// Also look for security advisories, whose database comes from a git host.
    pub(crate) advisories: bool,
    /// What goes to `cargo test`; when there is anything, the checks are left out.
    pub(crate) passed_on: Vec<OsString>,
}

/// Runs the tests; returns whether all went well.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let started = Instant::now();
    let mut report = Report::default();
    let checked = !options.skip_checks && options.passed_on.is_empty();
    let ready = report.stage("what the build needs", || {
        require::ensure(&require::BUILD)?;
        if checked {
            require::ensure_rust_components()?;
        }
        Ok(true)
    })?;
    // Otherwise all the rest would fail for the same reason.
    if ready {
        if checked {
            checks(options, &mut report)?;
        }
        tests(options, &mut report)?;
    }
    say::step(format!("everything took {}", say::took(started.elapsed())));
    for failure in &report.failures {
        say::error(format!("failed: {failure}"));
    }
    println!("{}", report.totals);
    Ok(report.totals.failed == 0)
}

fn checks(options: &Options, report: &mut Report) -> Result<()> {
    report.stage("formatting", || {
        succeeds(&mut cargo(&["fmt", "--all", "--check"]))
    })?;
    report.stage("clippy", || {
        succeeds(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    report.stage("documentation", || {
        // Of the libraries: the pages of the binary kafmesh would overwrite those of the library kafmesh.
        let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--lib"]);
        succeeds(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    if options.skip_deny {
        say::note("left out: licences and sources of the dependencies (--skip-deny)");
    } else {
        report.stage("licences and sources of the dependencies", || {
            deny::check(options.advisories)
        })?;
    }
    report.stage("generated code is up to date", || {
        codegen::run(codegen::Mode::Check)
    })?;
    Ok(())
}

fn tests(options: &Options, report: &mut Report) -> Result<()> {
    let mut test = cargo(&["test", "--workspace", "--no-fail-fast"]);
    let mut over_tls = cargo(&["test", "--package", "kafmesh-runtime-tests"]);
    // By itself: with the workspace's tests, everything would be built with OpenSSL.
    over_tls.args(["--features", "ssl", "--test", "tls"]);
    let Some(mut servers) = Servers::start(report)? else {
        return Ok(());
    };
    for command in [&mut test, &mut over_tls] {
        command.envs(servers.variables.iter().cloned());
    }
    test.args(&options.passed_on);
    // A server that went away explains failures better than they do.
    let mut servers_live = || servers.check();
    report.count("tests", &mut test, &mut servers_live)?;
    if !options.passed_on.is_empty() {
        return Ok(());
    }
    if variables::value(BROKERS).is_some() && variables::value(SASL_BROKERS).is_none() {
        say::note(format!(
            "left out: the tests over TLS, since your Kafka is used and {SASL_BROKERS} is not set"
        ));
        return Ok(());
    }
    let ready = report.stage("what the tests over TLS need", || {
        require::ensure(&[Need::OpenSsl])?;
        Ok(true)
    })?;
    if ready {
        report.count("tests over TLS", &mut over_tls, &mut servers_live)?;
    }
    Ok(())
}

/// What has happened so far.
#[derive(Debug, Default)]
struct Report {
    totals: Totals,
    failures: Vec<String>,
}

impl Report {
    /// Runs tests and counts them; `servers_live` fails when that is why they failed.
    fn count(
        &mut self,
        name: &str,
        test: &mut Command,
        servers_live: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let mut totals = Totals::default();
        self.stage(name, || {
            let status = process::run_lines(test, |line| {
                println!("{line}");
                totals.add_line(line);
            })?;
            servers_live()?;
            // With failed tests to count, the stage itself is not one more failure.
            Ok(status.success() || totals.failed > 0)
        })?;
        self.totals.passed += totals.passed;
        self.totals.failed += totals.failed;
        self.totals.skipped += totals.skipped;
        if totals.failed > 0 {
            self.failures.push(name.to_owned());
        }
        Ok(())
    }

    /// Runs one part and says how long it took. A part that fails without a test to blame counts as one failure, so
    /// that the last line never looks better than the run was; the parts after it run all the same.
    ///
    /// # Errors
    /// Only when the person asked to stop.
    fn stage(&mut self, name: &str, run: impl FnOnce() -> Result<bool>) -> Result<bool> {
        say::step(name);
        let started = Instant::now();
        let good = match run() {
            Ok(good) => good,
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                say::error(format!("{error:#}"));
                false
            }
        };
        let verdict = if good { "done" } else { "FAILED" };
        say::note(format!("{verdict} after {}", say::took(started.elapsed())));
        if !good {
            self.totals.failed += 1;
            self.failures.push(name.to_owned());
        }
        Ok(good)
    }
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = process::tethered("cargo");
    cargo.args(arguments).current_dir(crate::root());
    cargo
}

fn succeeds(command: &mut Command) -> Result<bool> {
    Ok(process::run(command)?.success())
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn a_failed_stage_counts_once_and_does_not_end_the_run() {
        let mut report = Report::default();
        assert!(!report.stage("one", || Ok(false)).unwrap());
        assert!(!report.stage("two", || bail!("no disk")).unwrap());
        assert!(report.stage("three", || Ok(true)).unwrap());
        assert_eq!(
            report.totals,
            Totals {
                failed: 2,
                ..Totals::default()
            }
        );
        assert_eq!(report.failures, ["one", "two"]);
    }

    #[test]
    fn the_wish_to_stop_ends_the_run() {
        let mut report = Report::default();
        assert!(report.stage("one", || Err(Interrupted.into())).is_err());
    }
}
