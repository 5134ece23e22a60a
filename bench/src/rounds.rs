//! The course of a benchmark: load, let everybody run in turn, verify, report.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;

use crate::cluster::{BARE, CHANGELOG, Cluster, INPUT, PASSED, TOTALS};
use crate::cost::Cost;
use crate::table::{self, Results};
use crate::verify::{Contents, Counts};
use crate::work::{Contender, Report};
use crate::workload::Workload;

/// What a process may take at most: so long that only a hang is longer.
const BASE_LIMIT: Duration = Duration::from_secs(60);
const LIMIT_PER_RECORD: Duration = Duration::from_micros(100);

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How many records to handle.
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    records: u64,
    /// How many keys they have.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    keys: u64,
    /// How often everybody runs.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// The brokers to run on, `host:port` separated by commas.
    #[arg(long)]
    brokers: String,
    /// What the brokers are, for the report.
    #[arg(long, default_value = "yours")]
    kafka: String,
}

/// Runs the benchmark; returns whether every result was right.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let workload = Workload {
        records: options.records,
        keys: options.keys,
    };
    let cluster = Cluster::connect(&options.brokers)?;
    say(format!("loading {} records", workload.records));
    cluster.prepare()?;
    let started = Instant::now();
    cluster.load(workload)?;
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

    let mut results = Results::default();
    let mut right = true;
    for round in 1..=options.runs {
        for contender in [Contender::Count, Contender::PassThrough, Contender::Bare] {
            cluster.reset()?;
            if contender == Contender::Bare {
                cluster.create(BARE)?;
            }
            let report = work(options, contender, &cluster.ends(INPUT)?)?;
            let title = table::title(contender);
            match verify(&cluster, contender, workload, &input) {
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
        results.add_cost(cost(workload, per_commit)?);
        say(format!("round {round}: the core without Kafka"));
    }
    cluster.clean()?;
    table::print(workload, options.runs, &options.kafka, &results);
    if !right {
        say("at least one result was wrong; the numbers above mean nothing".to_owned());
    }
    Ok(right)
}

/// Checks what `contender` wrote.
fn verify(
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
        Contender::PassThrough => PASSED,
        Contender::Bare => BARE,
    };
    let mut output = Contents::new(workload);
    cluster.scan(topic, |partition, key, value| {
        output.add(partition, key, value)
    })?;
    Ok(output.check_same(input)?)
}

fn work(options: &Options, contender: Contender, ends: &[i64]) -> Result<Report> {
    let state = tempfile::tempdir()?;
    let ends: Vec<_> = ends.iter().map(ToString::to_string).collect();
    let limit = BASE_LIMIT + LIMIT_PER_RECORD * u32::try_from(options.records).unwrap_or(u32::MAX);
    let mut command = this_program()?;
    command.args([
        "work",
        table::title(contender),
        "--brokers",
        &options.brokers,
        "--ends",
        &ends.join(","),
    ]);
    command.arg("--state-dir").arg(state.path());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    command.arg("--started").arg(now.as_nanos().to_string());
    measured(command, limit)
        .with_context(|| format!("{} did not end well", table::title(contender)))
}

fn cost(workload: Workload, per_commit: u64) -> Result<Cost> {
    let state = tempfile::tempdir()?;
    let mut command = this_program()?;
    command.arg("cost");
    for (option, value) in [
        ("--records", workload.records),
        ("--keys", workload.keys),
        ("--per-commit", per_commit),
    ] {
        command.args([option, &value.to_string()]);
    }
    command.arg("--state-dir").arg(state.path());
    measured(
        command,
        BASE_LIMIT + LIMIT_PER_RECORD * u32::try_from(workload.records).unwrap_or(u32::MAX),
    )
}

fn this_program() -> Result<Command> {
    Ok(Command::new(
        std::env::current_exe().context("cannot find this program itself")?,
    ))
}

/// Runs a process to its end and reads what it reports.
fn measured<T: DeserializeOwned>(mut command: Command, limit: Duration) -> Result<T> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let started = Instant::now();
    // A report is one line, which the pipe holds; so nothing is read before the end.
    while child.try_wait()?.is_none() {
        if started.elapsed() > limit {
            child.kill()?;
            bail!("it was not done after {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", output.status);
    }
    serde_json::from_slice(&output.stdout).context("it reported nothing that can be read")
}

/// Progress goes where it does not disturb the table.
fn say(line: String) {
    eprintln!("    {line}");
}
