//! The course of a benchmark: which rows are measured, one after the other.

use anyhow::Result;

use crate::cluster::Cluster;
use crate::process::say;
use crate::{rounds, show, tables, watch};

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Which rows to measure, separated by commas.
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "records,tables"
    )]
    rows: Vec<Rows>,
    #[command(flatten)]
    records: rounds::Options,
    #[command(flatten)]
    tables: tables::Options,
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

/// Rows that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Rows {
    /// What a record costs.
    Records,
    /// How large tables are restored, read and held.
    Tables,
    /// What it costs that a processor can be watched, and that it is.
    Watch,
}

/// Runs the benchmark; returns whether every result was right.
pub(crate) fn run(options: &Options) -> Result<bool> {
    let cluster = Cluster::connect(&options.brokers)?;
    println!("{}", show::machine(&options.kafka));
    let mut right = true;
    if options.rows.contains(&Rows::Records) {
        right &= rounds::run(&options.records, options.runs, &cluster)?;
    }
    if options.rows.contains(&Rows::Tables) {
        right &= tables::run(&options.tables, options.runs, &cluster)?;
    }
    if options.rows.contains(&Rows::Watch) {
        right &= watch::run(options.records.workload(), options.runs, &cluster)?;
    }
    cluster.clean()?;
    if !right {
        say("at least one result was wrong; the numbers above mean nothing");
    }
    Ok(right)
}
