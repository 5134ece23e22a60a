//! What it costs that a processor can be watched, and that somebody watches it.
//!
//! Code without watch cannot run in the same program as code with it. So the processing core is measured
//! without Kafka in two forms, one of which has nothing to look at; and a service on Kafka with watch turned
//! off, turned on, and watched. All take turns.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use kafmesh_proto::watch::v1::ProcessorRequest;
use kafmesh_proto::watch::v1::watch_api_client::WatchApiClient;
use tokio_stream::StreamExt as _;

use crate::cluster::Cluster;
use crate::process::say;
use crate::rounds;
use crate::show::{Spread, goals, grouped, print_table};
use crate::table::{brief, cpu, micros, rate};
use crate::work::{Contender, Report};
use crate::workload::Workload;

/// Operations per second that the watcher is shown.
const RATE: u32 = 10_000;

/// How often the core is measured in both forms in each round; it takes a few seconds.
const PAIRS: u32 = 10;

/// What may be added to the CPU time of the core by what is there to watch it while nobody does, in per
/// cent: no more than other things on a machine change it by.
const IDLE_GOAL: f64 = 2.0;

/// What being watched may add to the CPU time of a record, in per cent.
const WATCHED_GOAL: f64 = 10.0;

/// Of [`RATE`], how many may be missing: who is shown less costs less.
const NOT_SHOWN_GOAL: f64 = 500.0;

/// Records between two commits of the core, as many as a service handles in a second.
const PER_COMMIT: u64 = 800_000;

/// A service on Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Off,
    Idle,
    Watched,
}

const FORMS: [Form; 3] = [Form::Off, Form::Idle, Form::Watched];

impl Form {
    fn title(self) -> &'static str {
        match self {
            Self::Off => "count, watch off",
            Self::Idle => "count, nobody watches",
            Self::Watched => "count, watched",
        }
    }
}

/// Lets everybody run `runs` times; returns whether every result was right.
pub(crate) fn run(workload: Workload, runs: u32, cluster: &Cluster) -> Result<bool> {
    let input = rounds::load(workload, cluster)?;
    let mut cores = Cores::default();
    let mut services: Vec<(Form, Report)> = Vec::new();
    let mut shown = Vec::new();
    let mut right = true;
    for round in 1..=runs {
        for pair in 0..PAIRS {
            cores.measure(workload, pair)?;
        }
        say(format!("round {round}: the core without Kafka"));
        let mut forms = FORMS;
        forms.rotate_left(round as usize % FORMS.len());
        for form in forms {
            cluster.reset()?;
            let (report, seen) = service(workload, form, cluster)?;
            let said = match rounds::verify(cluster, Contender::Count, workload, &input) {
                Ok(()) => format!("{} (verified)", brief(workload, &report)),
                Err(error) => {
                    right = false;
                    format!("WRONG: {error:#}")
                }
            };
            say(format!("round {round}: {}, {said}", form.title()));
            if let Some(seen) = seen {
                right &= seen.shown + seen.lost <= workload.records && seen.shown > 0;
                shown.push(seen.shown as f64 / report.working.as_secs_f64());
            }
            services.push((form, report));
        }
    }
    print(workload, runs, &cores, &services, &shown);
    Ok(right)
}

/// CPU time per record of the core, in microseconds: with nothing to look at, and with what a service
/// has while nobody watches.
#[derive(Default)]
struct Cores(Vec<(f64, f64)>);

impl Cores {
    /// Measures both, one right after the other; who comes first changes, so that it makes no difference.
    fn measure(&mut self, workload: Workload, pair: u32) -> Result<()> {
        let core = |watchable| -> Result<f64> {
            let time = rounds::handling(workload, PER_COMMIT, watchable)?;
            Ok(micros(time, workload))
        };
        let (without, idle) = if pair.is_multiple_of(2) {
            let without = core(false)?;
            (without, core(true)?)
        } else {
            let idle = core(true)?;
            (core(false)?, idle)
        };
        self.0.push((without, idle));
        Ok(())
    }

    fn without(&self) -> Spread {
        Spread::of(self.0.iter().map(|(without, _)| *without))
    }

    fn idle(&self) -> Spread {
        Spread::of(self.0.iter().map(|(_, idle)| *idle))
    }

    /// What watch adds, in per cent, pair by pair, so that what else the machine does falls out.
    fn added(&self) -> Spread {
        Spread::of(self.0.iter().map(|(without, idle)| more(*without, *idle)))
    }
}

/// How much more `what` is, in per cent.
fn more(than: f64, what: f64) -> f64 {
    (what / than - 1.0) * 100.0
}

fn print(workload: Workload, runs: u32, cores: &Cores, services: &[(Form, Report)], shown: &[f64]) {
    let of = |form, value: fn(Workload, &Report) -> f64| {
        let those = services.iter().filter(move |(whose, _)| *whose == form);
        Spread::of(those.map(move |(_, report)| value(workload, report)))
    };
    println!();
    println!("Watch, {runs} runs each in turn: median (lowest – highest)");
    println!();
    let precise = |value: f64| format!("{value:.3}");
    let mut rows = vec![
        vec![
            "core without watch".to_owned(),
            cores.without().show(precise),
            String::new(),
        ],
        vec![
            "core, nobody watches".to_owned(),
            cores.idle().show(precise),
            String::new(),
        ],
    ];
    rows.extend(FORMS.map(|form| {
        vec![
            form.title().to_owned(),
            of(form, cpu).show(precise),
            of(form, rate).show(grouped),
        ]
    }));
    print_table(&["", "CPU µs/record", "records/s"], &rows);
    println!();
    let shown = Spread::of(shown.iter().copied());
    // Of a second: what it takes to watch, over what is shown meanwhile.
    let per_record = of(Form::Watched, cpu).median() - of(Form::Idle, cpu).median();
    println!(
        "Shown to the watcher: {} operations/s, at {:.1} µs each",
        shown.show(grouped),
        per_record * of(Form::Watched, rate).median() / shown.median()
    );
    println!();
    let added = cores.added();
    let (low, high) = added.median_between();
    println!(
        "Nobody watches: {:.1} % more in the core, median of {} pairs (with 95 % certainty between {low:.1} and \
         {high:.1} %); {:.1} % on Kafka",
        added.median(),
        cores.0.len(),
        more(of(Form::Off, cpu).median(), of(Form::Idle, cpu).median())
    );
    println!();
    goals(&[
        (
            "nobody watches, % more CPU in the core, pair by pair",
            added.median(),
            IDLE_GOAL,
        ),
        (
            "watched, % more CPU per record than with nobody who watches",
            more(
                of(Form::Idle, cpu).median(),
                of(Form::Watched, cpu).median(),
            ),
            WATCHED_GOAL,
        ),
        (
            "operations per second that the watcher is not shown of 10,000",
            f64::from(RATE) - shown.median(),
            NOT_SHOWN_GOAL,
        ),
    ]);
}

/// What the watcher saw.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    shown: u64,
    lost: u64,
}

/// Lets a service in `form` handle the input.
fn service(workload: Workload, form: Form, cluster: &Cluster) -> Result<(Report, Option<Seen>)> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let on = if form == Form::Off { "off" } else { "on" };
    let environment = [
        ("KAFMESH_LISTEN", address.to_string()),
        ("KAFMESH_WATCH", on.to_owned()),
        ("KAFMESH_WATCH_RATE", RATE.to_string()),
    ];
    let watcher = (form == Form::Watched).then(|| std::thread::spawn(move || watch(address)));
    let report = rounds::work(workload, Contender::Count, cluster, &environment)?;
    let seen = match watcher.map(std::thread::JoinHandle::join) {
        None => None,
        Some(Ok(seen)) => Some(seen.context("the watcher failed")?),
        Some(Err(_)) => bail!("the watcher panicked"),
    };
    Ok((report, seen))
}

/// Watches every key from when the service answers until it ends.
fn watch(address: SocketAddr) -> Result<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let began = Instant::now();
        let mut stream = loop {
            let endpoint = format!("http://{address}");
            if let Ok(mut client) = WatchApiClient::connect(endpoint).await {
                let request = ProcessorRequest {
                    component: "clicks".to_owned(),
                    processor: "total clicks".to_owned(),
                    key: String::new(),
                };
                match client.processor(request).await {
                    Ok(answer) => break answer.into_inner(),
                    // It does not run yet.
                    Err(status) if status.code() == tonic::Code::Unavailable => {}
                    Err(status) => return Err(status.into()),
                }
            }
            if began.elapsed() > Duration::from_secs(60) {
                bail!("the service at {address} never answered");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        let mut seen = Seen::default();
        while let Some(response) = stream.next().await {
            let response = response?;
            seen.shown += u64::from(response.operation.is_some());
            seen.lost += response.lost;
        }
        Ok(seen)
    })
}
