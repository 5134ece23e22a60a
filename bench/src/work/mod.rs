//! A process that is measured: handles the whole input once and reports what it used.

mod bare;
mod service;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::usage;

/// Who handles the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Contender {
    /// The clicks processor: state per key, changelog, an output per record.
    Count,
    /// A kafmesh processor without state.
    PassThrough,
    /// A kafmesh processor that joins a table.
    Join,
    /// A kafmesh processor that looks up in a global table.
    Lookup,
    /// A loop over librdkafka that consumes and produces.
    Bare,
}

/// What a process is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    contender: Contender,
    #[arg(long)]
    brokers: String,
    /// The offset after the last record of each partition of the input.
    #[arg(long, value_delimiter = ',')]
    ends: Vec<i64>,
    /// When the process was started, in nanoseconds since the epoch.
    #[arg(long)]
    started: u64,
    /// An empty directory for state.
    #[arg(long)]
    state_dir: PathBuf,
}

/// What a process has used, from its start to its end.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    pub(crate) peak_memory: u64,
    /// From the start of the process to the first record in a handler.
    pub(crate) start_up: Duration,
    /// From there until everything is committed and the clients are closed.
    pub(crate) working: Duration,
}

/// Handles the input and prints the [`Report`].
pub(crate) fn run(options: &Options) -> Result<()> {
    log();
    let started = crate::process::time(options.started);
    let first = match options.contender {
        Contender::Count => service::count(options)?,
        Contender::PassThrough => service::pass_through(options)?,
        Contender::Join => service::join(options)?,
        Contender::Lookup => service::lookup(options)?,
        Contender::Bare => bare::run(options)?,
    };
    let ended = SystemTime::now();
    let (user, system) = usage::user_and_system()?;
    let report = Report {
        user,
        system,
        peak_memory: usage::peak_memory()?,
        start_up: first.duration_since(started)?,
        working: ended.duration_since(first)?,
    };
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

/// Says what goes wrong; `RUST_LOG` for more.
pub(crate) fn log() {
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

/// How far the input is handled. Next to nothing per record: offsets are compared, nothing is counted.
pub(crate) struct Progress {
    ends: Vec<i64>,
    open: AtomicUsize,
    first: OnceLock<SystemTime>,
}

impl Progress {
    pub(crate) fn new(ends: &[i64]) -> Result<Self> {
        let open = ends.iter().filter(|end| **end > 0).count();
        if open == 0 {
            bail!("there are no records to handle");
        }
        Ok(Self {
            ends: ends.to_vec(),
            open: AtomicUsize::new(open),
            first: OnceLock::new(),
        })
    }

    /// A record is handled; whether it was the last of all.
    pub(crate) fn handled(&self, partition: i32, offset: i64) -> bool {
        if self.first.get().is_none() {
            self.first.get_or_init(SystemTime::now);
        }
        let end = usize::try_from(partition)
            .ok()
            .and_then(|partition| self.ends.get(partition));
        end == Some(&(offset + 1)) && self.open.fetch_sub(1, Ordering::AcqRel) == 1
    }

    fn first(&self) -> Result<SystemTime> {
        self.first.get().copied().context("no record was handled")
    }
}
