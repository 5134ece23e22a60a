//! What a record costs: load, let everybody run in turn, verify, report.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::de::DeserializeOwned;

use crate::cluster::{
    BARE, CHANGELOG, Cleanup, Cluster, INPUT, JOINED, LOOKED_UP, PASSED, TOTALS, USERS,
};
use crate::process::{self, measured, say, this_program};
use crate::table::{self, Results};
use crate::tables::Entries;
use crate::verify::{Contents, Counts, Joined};
use crate::work::{Contender, Report};
use crate::workload::Workload;

/// What to measure.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// How many records to handle.
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    records: u64,
    /// How many keys they have.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    keys: u64,
}

impl Options {
    pub(crate) fn workload(&self) -> Workload {
        Workload {
            records: self.records,
            keys: self.keys,
        }
    }
}

/// Lets everybody run `runs` times; returns whether every result was right.
pub(crate) fn run(options: &Options, runs: u32, cluster: &Cluster) -> Result<bool> {
    let workload = options.workload();
    let input = load(workload, cluster)?;

    let users = Entries {
        entries: workload.keys,
        versions: 1,
    };
    cluster.create(USERS, Cleanup::Compact)?;
    cluster.load(USERS, users.all())?;

    let mut results = Results::default();
    let mut right = true;
    for round in 1..=runs {
        for contender in table::CONTENDERS {
            cluster.reset()?;
            if contender == Contender::Bare {
                cluster.create(BARE, Cleanup::Delete)?;
            }
            let report = work(workload, contender, cluster, &[])?;
            let title = table::title(contender);
            match verify(cluster, contender, workload, &input) {
                Ok(()) => say(format!(
                    "round {round}: {title}, {} (verified)",
                    table::brief(workload, &report)
                )),
                Err(error) => {
                    right = false;
                    say(format!("round {round}: {title} is WRONG: {error:#}"));
                }
            }
            results.add(contender, report);
        }
        let per_commit = results.records_per_second(workload, Contender::Count) as u64;
        results.add_cost(core("cost", workload, per_commit, false)?);
        say(format!("round {round}: the core without Kafka"));
    }
    table::print(workload, runs, &results);
    Ok(right)
}

/// Loads the input and reads it back.
pub(crate) fn load(workload: Workload, cluster: &Cluster) -> Result<Contents> {
    say(format!("loading {} records", workload.records));
    cluster.prepare()?;
    let started = Instant::now();
    cluster.load(INPUT, workload.all())?;
    let mut input = Contents::new(workload);
    cluster.scan(INPUT, |partition, key, value| {
        input.add(partition, key, value)
    })?;
    input
        .check_loaded()
        .context("the input is not what was loaded")?;
    say(format!(
        "loaded and read back in {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    Ok(input)
}

/// Checks what `contender` wrote.
pub(crate) fn verify(
    cluster: &Cluster,
    contender: Contender,
    workload: Workload,
    input: &Contents,
) -> Result<()> {
    let topic = match contender {
        Contender::Count => {
            let mut counts = Counts::new(input);
            cluster.scan(TOTALS, |_, key, value| counts.output(key, value))?;
            cluster.scan(CHANGELOG, |_, key, value| counts.state(key, value))?;
            return Ok(counts.check()?);
        }
        Contender::Join => return verify_joined(cluster, JOINED, workload, input),
        Contender::Lookup => return verify_joined(cluster, LOOKED_UP, workload, input),
        Contender::PassThrough => PASSED,
        Contender::Bare => BARE,
    };
    let mut output = Contents::new(workload);
    cluster.scan(topic, |partition, key, value| {
        output.add(partition, key, value)
    })?;
    Ok(output.check_same(input)?)
}

/// Checks that each record of the input led to one output with its user's entry.
fn verify_joined(
    cluster: &Cluster,
    topic: &str,
    workload: Workload,
    input: &Contents,
) -> Result<()> {
    let users = Entries {
        entries: workload.keys,
        versions: 1,
    };
    let mut joined = Joined::new(input, |key| users.last(key));
    cluster.scan(topic, |_, key, value| joined.output(key, value))?;
    Ok(joined.check()?)
}

/// Lets `contender` handle the input, with variables of the environment.
pub(crate) fn work(
    workload: Workload,
    contender: Contender,
    cluster: &Cluster,
    environment: &[(&str, String)],
) -> Result<Report> {
    let state = tempfile::tempdir()?;
    let ends: Vec<_> = cluster
        .ends(INPUT)?
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut command = this_program()?;
    command.args([
        "work",
        table::title(contender),
        "--brokers",
        cluster.brokers(),
        "--ends",
        &ends.join(","),
        "--started",
        &process::now()?,
    ]);
    command.arg("--state-dir").arg(state.path());
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    measured(command, process::limit(workload.records))
        .with_context(|| format!("{} did not end well", table::title(contender)))
}

/// What the core costs while it handles the workload, without commits.
pub(crate) fn handling(workload: Workload, per_commit: u64, watchable: bool) -> Result<Duration> {
    core("handling", workload, per_commit, watchable)
}

/// Measures the core in `role`, whether or not it can be watched.
fn core<T: DeserializeOwned>(
    role: &str,
    workload: Workload,
    per_commit: u64,
    watchable: bool,
) -> Result<T> {
    let state = tempfile::tempdir()?;
    let mut command = this_program()?;
    command.arg(role);
    for (option, value) in [
        ("--records", workload.records),
        ("--keys", workload.keys),
        ("--per-commit", per_commit),
    ] {
        command.args([option, &value.to_string()]);
    }
    if watchable {
        command.arg("--watchable");
    }
    command.arg("--state-dir").arg(state.path());
    measured(command, process::limit(workload.records))
}
