//! Large tables: how long a restore and a restart take, what reads cost, how much memory is needed.

mod data;
mod report;
pub(crate) mod work;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum as _;
use prost::Message as _;

use crate::cluster::{Cleanup, Cluster, FOUND, INPUT, TABLE};
use crate::definitions::models::TotalClicks;
use crate::process::{self, measured, say, this_program};
use crate::workload;
pub(crate) use data::Entries;
use report::Results;
use work::{Holder, Report};

/// The group of the persistence.
const GROUP: &str = "kafmeshBench.tables.readBack";

/// At most so many keys are looked up by the persistence.
const PROBES: u64 = 1_000_000;

/// What to measure.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// How many entries the tables have; the first is restored from two records of each.
    #[arg(long, value_delimiter = ',', default_value = "1000000,5000000", value_parser = clap::value_parser!(u64).range(4..=100_000_000))]
    entries: Vec<u64>,
}

/// Whether the state directory is empty or that of the run before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Empty,
    Kept,
}

/// Lets every holder of every table run `runs` times; returns whether every result was right.
pub(crate) fn run(options: &Options, runs: u32, cluster: &Cluster) -> Result<bool> {
    let mut right = true;
    let mut results = Results::default();
    for (place, &entries) in options.entries.iter().enumerate() {
        let versions = if place == 0 { 2 } else { 1 };
        let entries = Entries { entries, versions };
        load(cluster, entries)?;
        for round in 1..=runs {
            for &holder in Holder::value_variants() {
                let state_dir = tempfile::tempdir()?;
                for state in [State::Empty, State::Kept] {
                    let name = format!("round {round}: {}", report::title(holder, state, entries));
                    if holder == Holder::Persistence {
                        ask(cluster, entries, state)?;
                    }
                    let measured = hold(cluster, holder, entries, state_dir.path())
                        .and_then(|report| verify(cluster, holder, entries).map(|()| report));
                    match measured {
                        Ok(report) => {
                            say(format!("{name}, {} (verified)", report::brief(&report)));
                            results.add(entries, holder, state, report);
                        }
                        Err(error) => {
                            right = false;
                            say(format!("{name} is WRONG: {error:#}"));
                        }
                    }
                }
            }
        }
    }
    report::print(&results, runs);
    Ok(right)
}

/// Fills the table's topic.
fn load(cluster: &Cluster, entries: Entries) -> Result<()> {
    say(format!("loading {} records of a table", entries.records()));
    let started = Instant::now();
    cluster.prepare()?;
    cluster.create(TABLE, Cleanup::Compact)?;
    cluster.load(TABLE, entries.all())?;
    say(format!(
        "loaded in {:.1} s",
        started.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// Gives the persistence a record of each key that it is to look up, and the group's offsets for its state.
fn ask(cluster: &Cluster, entries: Entries, state: State) -> Result<()> {
    if state == State::Empty {
        cluster.delete_group(GROUP)?;
        cluster.delete(&[INPUT])?;
        cluster.create(INPUT, Cleanup::Delete)?;
    }
    cluster.delete(&[FOUND])?;
    let records = (0..probes(entries)).map(|number| {
        let key = workload::key_text(entries.shuffled(number));
        (key, workload::value(number))
    });
    cluster.load(INPUT, records)
}

fn probes(entries: Entries) -> u64 {
    entries.entries.min(PROBES)
}

/// Lets a process hold the table.
fn hold(cluster: &Cluster, holder: Holder, entries: Entries, state_dir: &Path) -> Result<Report> {
    let value = holder
        .to_possible_value()
        .context("every holder has a name")?;
    let mut command = this_program()?;
    command.args(["table", value.get_name(), "--brokers", cluster.brokers()]);
    for (option, value) in [
        ("--entries", entries.entries),
        ("--versions", entries.versions),
        ("--probes", probes(entries)),
    ] {
        command.args([option, &value.to_string()]);
    }
    command.args(["--started", &process::now()?]);
    command.arg("--state-dir").arg(state_dir);
    measured(command, process::limit(entries.records()))
}

/// Checks what the persistence put out: the last value of each key it was asked for. A view checks itself.
fn verify(cluster: &Cluster, holder: Holder, entries: Entries) -> Result<()> {
    if holder != Holder::Persistence {
        return Ok(());
    }
    let mut missing = vec![false; entries.entries as usize];
    for number in 0..probes(entries) {
        missing[entries.shuffled(number) as usize] = true;
    }
    let mut wrong = Vec::new();
    cluster.scan(FOUND, |_, key, value| {
        let number = workload::key_number(key, entries.entries);
        let count = TotalClicks::decode(value).map(|found| found.count);
        match (number, count) {
            (Some(number), Ok(count))
                if missing[number] && count == entries.last(number as u64) =>
            {
                missing[number] = false;
            }
            (_, count) => wrong.push(format!("{} with {count:?}", key.escape_ascii())),
        }
    })?;
    let missing = missing.iter().filter(|missing| **missing).count();
    if missing > 0 || !wrong.is_empty() {
        wrong.truncate(5);
        bail!("{missing} keys were not found; wrong: {}", wrong.join(", "));
    }
    Ok(())
}
