//! `cargo xtask bench`: what a record costs, measured on a real Kafka.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::kafka::{self, Cluster};
use crate::{process, require, say};

/// Somebody's own Kafka, in the order they are looked at.
const BROKERS: [&str; 2] = ["KAFMESH_TEST_BROKERS", "KAFMESH_BROKERS"];

/// The package with the benchmark, as cargo wants it.
const PACKAGE: [&str; 4] = ["--release", "--quiet", "--package", "kafmesh-bench"];

/// What to measure; what is not given is the benchmark's own default.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Which rows, as the benchmark reads it.
    pub(crate) rows: Option<String>,
    /// How many entries the tables have, as the benchmark reads it.
    pub(crate) entries: Option<String>,
    /// How many records to handle.
    pub(crate) records: Option<u64>,
    /// How many keys they have.
    pub(crate) keys: Option<u64>,
    /// How often everybody runs.
    pub(crate) runs: Option<u64>,
}

/// Runs the benchmark; returns whether every result it verified was right. How fast it was decides nothing.
pub(crate) fn run(options: &Options) -> Result<bool> {
    require::ensure(&require::BUILD)?;
    say::step(
        "building the benchmark with optimizations (minutes the first time; kept in target/)",
    );
    let started = Instant::now();
    let mut build = process::tethered("cargo");
    build.arg("build").args(PACKAGE).current_dir(crate::root());
    if !process::run(&mut build)?.success() {
        bail!("the benchmark cannot be built");
    }
    say::note(format!("built in {}", say::took(started.elapsed())));

    let mut bench = process::tethered("cargo");
    bench.arg("run").args(PACKAGE).current_dir(crate::root());
    bench.args(["--", "bench"]);
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    for (name, value) in [
        ("--rows", options.rows.clone()),
        ("--records", number(options.records)),
        ("--keys", number(options.keys)),
        ("--entries", options.entries.clone()),
        ("--runs", number(options.runs)),
    ] {
        if let Some(value) = value {
            bench.args([name, &value]);
        }
    }
    let given = BROKERS.iter().find_map(|name| {
        Some((
            name,
            std::env::var(name).ok().filter(|value| !value.is_empty())?,
        ))
    });
    let mut own = None;
    match given {
        Some((name, brokers)) => {
            say::note(format!("it runs on your Kafka: {name} is set"));
            bench.args(["--brokers", &brokers]);
        }
        None => {
            let cluster = Cluster::start(1)?;
            bench.args(["--brokers", &cluster.brokers()]);
            bench.args([
                "--kafka",
                &format!("{} on the same machine", kafka::VERSION),
            ]);
            own = Some(cluster);
        }
    }
    say::step("measuring (with the default options about ten minutes)");
    let status = process::run(&mut bench)?;
    // A server that went away explains a failure better than what it led to.
    own.as_mut().map_or(Ok(()), Cluster::check)?;
    Ok(status.success())
}
