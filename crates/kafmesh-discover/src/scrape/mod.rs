//! Which processes there are, and what each says of itself: finds pods, asks them, owns [`Pods`].
//!
//! ```text
//! kubernetes ──news──▶ known ──whom──▶ queue ──▶ ask (so many at a time)
//!                        ▲                        │
//!                        └────────what it said────┘──▶ runs ──▶ Scraped
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::dial::Dialer;
use crate::mesh::pod::Pods;
use crate::mesh::run::ScrapeRun;
use crate::mesh::scope::Scope;
use crate::status::Statuses;

pub use metrics::Metrics;

use scraper::Scraper;

mod answer;
mod ask;
mod found;
mod known;
mod kubernetes;
mod metrics;
mod queue;
mod runs;
mod scraper;

/// How many runs are remembered.
pub const REMEMBERED_RUNS: usize = 100;

/// What is known of the mesh's processes, and how it was learned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scraped {
    /// Every pod there is.
    pub pods: Pods,
    /// The last [`REMEMBERED_RUNS`] scrapes that have ended, oldest first.
    pub runs: Vec<ScrapeRun>,
    /// Where pods that are not among `pods` are gone.
    pub scope: Scope,
}

/// Whom to ask, and how.
#[derive(Clone)]
pub struct Config {
    /// Processes to ask besides those of Kubernetes: `host:port`, or `https://host:port` for one
    /// that speaks TLS. A name is resolved whenever it is asked.
    pub targets: Vec<String>,
    /// Where to find pods; `None`: nowhere.
    pub kubernetes: Option<Kubernetes>,
    /// Connects to them.
    pub dialer: Dialer,
    /// How often all of them are asked. What appears or changes is asked at once besides.
    pub interval: Duration,
    /// How long one may take to answer, connecting included.
    pub timeout: Duration,
    /// How many are asked at a time, at least two; those that failed last time have half of the
    /// places at most.
    pub concurrency: usize,
    /// Longest answer, in bytes.
    pub limit: usize,
    /// Tells the runs of this process from those of other replicas: its pod's or host's name.
    pub name: String,
    /// Where it says how it and Kubernetes are doing.
    pub statuses: Statuses,
    /// Where it counts what it does.
    pub metrics: Metrics,
}

/// Where to find pods.
#[derive(Clone)]
pub struct Kubernetes {
    /// The API server.
    pub client: kube::Client,
    /// The namespaces whose pods are looked at; empty for all.
    pub namespaces: Vec<String>,
}

impl Config {
    /// Asks `targets`, with the default limits.
    pub fn new(targets: impl IntoIterator<Item = String>) -> Self {
        let timeout = Duration::from_secs(5);
        Self {
            targets: targets.into_iter().collect(),
            kubernetes: None,
            dialer: Dialer::new(timeout),
            interval: Duration::from_secs(60),
            timeout,
            concurrency: 64,
            limit: 16 << 20,
            name: String::new(),
            statuses: Statuses::default(),
            metrics: Metrics::default(),
        }
    }
}

/// Finds pods and asks them until `stop`, and publishes what is known to `out`.
///
/// `initial` is what is known from earlier runs: it stays, marked as stale, until it is asked or
/// is known to be gone.
pub async fn run(
    config: Config,
    initial: Pods,
    out: watch::Sender<Arc<Scraped>>,
    stop: CancellationToken,
) {
    let namespaces: BTreeSet<Option<String>> = match &config.kubernetes {
        None => BTreeSet::new(),
        Some(kubernetes) if kubernetes.namespaces.is_empty() => BTreeSet::from([None]),
        Some(kubernetes) => kubernetes.namespaces.iter().cloned().map(Some).collect(),
    };
    // Dropped at the end, which ends them.
    let mut followers = JoinSet::new();
    let (tell, mut news) = mpsc::channel(1024);
    if let Some(kubernetes) = &config.kubernetes {
        for namespace in namespaces.clone() {
            followers.spawn(kubernetes::follow(
                kubernetes.clone(),
                namespace,
                tell.clone(),
            ));
        }
    }
    let mut scraper = Scraper::new(&config, initial, namespaces, out);
    // An interval of zero is none that tokio has.
    let mut interval = tokio::time::interval(config.interval.max(Duration::from_millis(1)));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            // `tell` is held here, so there is at least one.
            _ = news.recv_many(&mut batch, 1024) => {
                if scraper.learn(batch.drain(..)) {
                    interval.reset();
                }
            }
            _ = interval.tick() => scraper.tick(),
            () = scraper.progress() => {}
        }
        scraper.go_on();
    }
    scraper.publish();
}
