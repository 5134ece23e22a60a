//! Which processes there are, and what each says of itself: finds pods, asks them, owns [`Pods`].
//!
//! ```text
//! kubernetes ──news──▶ known ──whom──▶ queue ──▶ ask (so many at a time)
//!                        ▲          ▲             │
//!                        │          └──retries────┤
//!                        └────────what it said────┘──▶ runs ──pace──▶ Scraped
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
mod pace;
mod queue;
mod retries;
mod runs;
mod scraper;

/// How many runs are remembered.
pub const REMEMBERED_RUNS: usize = 100;

/// What is known of the mesh's processes, and how it was learned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scraped {
    /// Every pod there is.
    pub pods: Pods,
    /// The last [`REMEMBERED_RUNS`] scrapes that have ended, in that order. Those of either kind
    /// leave at least half of the places to those of the other.
    pub runs: Vec<ScrapeRun>,
    /// Where pods that are not among `pods` are gone.
    pub scope: Scope,
    /// Whether all pods there are were asked since this process started, so that all of this is of
    /// now and nothing is missing.
    pub complete: bool,
}

/// Whom to ask, and how.
#[derive(Clone)]
pub struct Config {
    /// Processes to ask besides those of Kubernetes: `host:port`, or `https://host:port` for one
    /// that speaks TLS. A name is resolved whenever it is asked. One that is a pod, too, is asked
    /// and counted as both.
    pub targets: Vec<String>,
    /// Where to find pods; `None`: nowhere.
    pub kubernetes: Option<Kubernetes>,
    /// Connects to them.
    pub dialer: Dialer,
    /// How often all of them are asked. What appears or changes is asked at once besides; what
    /// cannot be reached, ever more seldom.
    pub interval: Duration,
    /// How long one may take to answer, connecting included.
    pub timeout: Duration,
    /// How many are asked at a time, at least two; those that failed last time have half of the
    /// places at most.
    pub concurrency: usize,
    /// Longest answer, in bytes. Together, `concurrency` times as many are held in memory at most.
    pub limit: usize,
    /// Tells the runs of this process from those of other replicas: its pod's or host's name.
    pub name: String,
    /// Where it says how Kubernetes is doing.
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
    /// How long the server may take to send one page of a list, or to begin a watch.
    pub timeout: Duration,
    /// How long a watch may tell nothing before another takes its place: longer than the 290
    /// seconds after which the server is asked to end it.
    pub silence: Duration,
}

impl Kubernetes {
    /// Looks at the pods of `namespaces`, or of all when there are none, with the default limits.
    pub fn new(client: kube::Client, namespaces: impl IntoIterator<Item = String>) -> Self {
        Self {
            client,
            namespaces: namespaces.into_iter().collect(),
            timeout: Duration::from_secs(60),
            silence: Duration::from_secs(295),
        }
    }
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
            limit: 4 << 20,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_at_a_time_leaves_room_for_the_rest() {
        // The chart allows 512 MiB in all.
        let most = 256 << 20;
        let alone = Config::new([]);
        assert!(alone.concurrency * alone.limit <= most);
        let program = crate::config::Config::default().scrape;
        assert!(program.concurrency.get() * program.limit <= most);
    }
}
