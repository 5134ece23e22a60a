//! A process with a large table: fills it or finds it, and reports what that took.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Result, bail, ensure};
use kafmesh::View;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::data::Entries;
use crate::cluster::PARTITIONS;
use crate::definitions::models::{Click, TotalClicks, TotalClicksState};
use crate::definitions::{Service, tables};
use crate::{process, usage, work, workload};

/// How many keys are read one by one.
const POINT_READS: u64 = 1_000_000;

/// A process that uses less CPU than this in [`SETTLE_WINDOW`] does nothing any more.
const IDLE: Duration = Duration::from_millis(10);
const SETTLE_WINDOW: Duration = Duration::from_millis(500);
const SETTLE_LIMIT: Duration = Duration::from_secs(60);

/// What holds the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Holder {
    /// A processor's state: the processor handles one record of each of some keys.
    Persistence,
    /// A view: it is scanned, and keys are read from it.
    View,
}

/// What a process is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    holder: Holder,
    #[arg(long)]
    brokers: String,
    #[arg(long)]
    entries: u64,
    #[arg(long)]
    versions: u64,
    /// How many records the input of the persistence holds.
    #[arg(long)]
    probes: u64,
    /// When the process was started, in nanoseconds since the epoch.
    #[arg(long)]
    started: u64,
    #[arg(long)]
    state_dir: PathBuf,
}

/// What a process has seen.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Report {
    /// From the start of the process until the view was complete, or every partition had handled its first record.
    pub(crate) ready: Duration,
    /// CPU time until then.
    pub(crate) ready_cpu: Duration,
    /// Memory when all that was loaded had been put in order and nothing was going on.
    pub(crate) settled: u64,
    /// Memory after everything had been read.
    pub(crate) read: u64,
    /// The most memory ever.
    pub(crate) peak: u64,
    /// CPU time per record of the persistence: its state is seldom in the cache.
    pub(crate) handled: Option<Duration>,
    pub(crate) reads: Option<Reads>,
}

/// Reads of a view, by one thread.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Reads {
    /// All entries, in order.
    pub(crate) scan: Duration,
    /// One key there is.
    pub(crate) present: Duration,
    /// One key there is not.
    pub(crate) absent: Duration,
}

/// Holds the table and prints the [`Report`].
pub(crate) fn run(options: &Options) -> Result<()> {
    work::log();
    let mut config = kafmesh::Config::from_env()?
        .with_listen(([127, 0, 0, 1], 0).into())
        .with_state_dir(&options.state_dir);
    config.brokers.clone_from(&options.brokers);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(async {
        let service = Service::connect(config).await?;
        match options.holder {
            Holder::Persistence => persistence(options, service).await,
            Holder::View => view(options, service).await,
        }
    })?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}

impl Options {
    fn entries(&self) -> Entries {
        Entries {
            entries: self.entries,
            versions: self.versions,
        }
    }

    /// Time and CPU time since the process was started.
    fn so_far(&self) -> Result<(Duration, Duration)> {
        let started = process::time(self.started);
        Ok((SystemTime::now().duration_since(started)?, usage::cpu()?))
    }
}

async fn view(options: &Options, mut service: Service) -> Result<Report> {
    let view = service.tables().user_id_total_clicks_state_view()?;
    during(service, async {
        view.ready().await?;
        let (ready, ready_cpu) = options.so_far()?;
        settle().await?;
        let settled = usage::memory();
        let (view, entries) = (view.clone(), options.entries());
        let reads = tokio::task::spawn_blocking(move || reads(&view, entries)).await??;
        Ok(Report {
            ready,
            ready_cpu,
            settled,
            read: usage::memory(),
            peak: usage::peak_memory()?,
            handled: None,
            reads: Some(reads),
        })
    })
    .await
}

/// Reads everything in every way, and checks it.
fn reads(view: &View<TotalClicksState>, entries: Entries) -> Result<Reads> {
    let began = Instant::now();
    let mut seen = 0;
    for entry in view.iter()? {
        let (key, state) = entry?;
        let number = workload::key_number(key.as_bytes(), entries.entries);
        ensure!(
            number.is_some_and(|number| entries.last(number as u64) == state.count),
            "{key} has {}",
            state.count
        );
        seen += 1;
    }
    let scan = began.elapsed();
    ensure!(seen == entries.entries, "there are {seen} entries");

    let mut key = String::new();
    let mut each = |first: u64| -> Result<Duration> {
        let began = Instant::now();
        for number in 0..POINT_READS {
            let number = first + entries.shuffled(workload::mixed(number));
            key.clear();
            write!(key, "user-{number:06}")?;
            let found = view.get(&key)?.map(|state| state.count);
            let expected = (number < entries.entries).then(|| entries.last(number));
            ensure!(found == expected, "{key} has {found:?}");
        }
        Ok(began.elapsed() / POINT_READS as u32)
    };
    Ok(Reads {
        scan,
        present: each(0)?,
        absent: each(entries.entries)?,
    })
}

async fn persistence(options: &Options, mut service: Service) -> Result<Report> {
    let seen = Arc::new(Seen::default());
    let finder = Finder {
        seen: Arc::clone(&seen),
        probes: options.probes,
    };
    service.tables().register_read_back_processor(finder)?;
    during(service, async {
        seen.every_partition.notified().await;
        let (ready, ready_cpu) = options.so_far()?;
        seen.every_record.notified().await;
        let (_, handled_cpu) = options.so_far()?;
        let read = usage::memory();
        settle().await?;
        Ok(Report {
            ready,
            ready_cpu,
            settled: usage::memory(),
            read,
            peak: usage::peak_memory()?,
            handled: Some((handled_cpu - ready_cpu) / u32::try_from(options.probes)?),
            reads: None,
        })
    })
    .await
}

/// Does `what` while the service runs, which then stops.
async fn during(service: Service, what: impl Future<Output = Result<Report>>) -> Result<Report> {
    let stopper = service.stopper();
    let mut running = tokio::spawn(service.run());
    let report = tokio::select! {
        biased;
        ended = &mut running => {
            ended??;
            bail!("the service ended early");
        }
        report = what => report?,
    };
    stopper.stop();
    running.await??;
    Ok(report)
}

/// What the processor has handled.
#[derive(Default)]
struct Seen {
    partitions: [AtomicBool; PARTITIONS as usize],
    records: AtomicU64,
    every_partition: Notify,
    every_record: Notify,
}

struct Finder {
    seen: Arc<Seen>,
    probes: u64,
}

impl tables::ReadBackProcessor for Finder {
    async fn handle_user_id_click(
        &self,
        ctx: &mut tables::ReadBackContext<'_>,
        _click: Click,
    ) -> kafmesh::Result<()> {
        let count = ctx.state()?.count;
        ctx.output_user_id_total_clicks(ctx.key(), &TotalClicks { count });
        let seen = &self.seen;
        let partition = ctx.partition() as usize % seen.partitions.len();
        let first = &seen.partitions[partition];
        if !first.load(Ordering::Relaxed) {
            first.store(true, Ordering::SeqCst);
            let seen_all = |partition: &AtomicBool| partition.load(Ordering::SeqCst);
            if seen.partitions.iter().all(seen_all) {
                seen.every_partition.notify_one();
            }
        }
        if seen.records.fetch_add(1, Ordering::Relaxed) == self.probes - 1 {
            seen.every_record.notify_one();
        }
        Ok(())
    }
}

/// Waits until nothing goes on in this process.
async fn settle() -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < SETTLE_LIMIT {
        let before = usage::cpu()?;
        tokio::time::sleep(SETTLE_WINDOW).await;
        if usage::cpu()? - before < IDLE {
            return Ok(());
        }
    }
    bail!("the process was still busy after {SETTLE_LIMIT:?}")
}
