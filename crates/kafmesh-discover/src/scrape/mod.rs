//! Which processes there are, and what each says of itself: finds pods, asks them, owns [`Pods`].
//!
//! ```text
//! kubernetes ──news──▶ known ──whom──▶ queue ──▶ ask (so many at a time)
//!                        ▲                        │
//!                        └────────what it said────┘──▶ runs ──▶ Scraped
//! ```

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::dial::{self, Dialer};
use crate::mesh::description::Description;
use crate::mesh::pod::{FailureKind, Instance, Pod, PodKey, Pods};
use crate::mesh::run::{RunKind, ScrapeRun};
use crate::status::{Part, Statuses};

pub use metrics::Metrics;

use ask::Asking;
use found::Found;
use known::{Heard, Known};
use kubernetes::{News, What};
use queue::Queue;
use runs::Runs;

mod answer;
mod ask;
mod found;
mod known;
mod kubernetes;
mod metrics;
mod queue;
mod runs;

/// What is learned is published after so long, so that what happens together is published once.
const COLLECT: Duration = Duration::from_millis(100);

/// How many runs are remembered.
pub const REMEMBERED_RUNS: usize = 100;

/// What is known of the mesh's processes, and how it was learned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scraped {
    /// Every pod there is.
    pub pods: Pods,
    /// The last [`REMEMBERED_RUNS`] scrapes that have ended, oldest first.
    pub runs: Vec<ScrapeRun>,
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
    /// How many are asked at a time.
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
    let mut scrape = Scrape::new(config, initial, namespaces, out);
    let mut interval = tokio::time::interval(scrape.interval);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            // `tell` is held here, so there is at least one.
            _ = news.recv_many(&mut batch, 1024) => {
                if scrape.learn(batch.drain(..)) {
                    interval.reset();
                    scrape.all_wanted = true;
                }
            }
            _ = interval.tick() => scrape.all_wanted |= !scrape.runs.is_full_open(),
            Some(asked) = scrape.asking.join_next() => match asked {
                Ok(asked) => scrape.hear(asked),
                Err(error) => tracing::error!("the task that asked a process failed: {error}"),
            },
            () = tokio::time::sleep_until(scrape.publish_at.unwrap_or_else(Instant::now)),
                if scrape.publish_at.is_some() => scrape.publish(),
        }
        scrape.go_on();
    }
    scrape.publish();
}

/// A scraper at work: what [`run`] hands events to.
struct Scrape {
    interval: Duration,
    how: Asking,
    statuses: Statuses,
    metrics: Metrics,
    known: Known,
    queue: Queue,
    runs: Runs,
    asking: JoinSet<Asked>,
    /// Whether all are to be asked once the scrape under way, if there is one, has ended.
    all_wanted: bool,
    /// The namespaces that Kubernetes does not tell of, and why.
    failing: Vec<(Option<String>, String)>,
    out: watch::Sender<Arc<Scraped>>,
    publish_at: Option<Instant>,
}

/// A process that was asked, and what it said.
struct Asked {
    pod: Pod,
    took: Duration,
    said: Result<(Instance, Description), dial::Error>,
}

impl Scrape {
    fn new(
        config: Config,
        initial: Pods,
        namespaces: BTreeSet<Option<String>>,
        out: watch::Sender<Arc<Scraped>>,
    ) -> Self {
        let targets = config.targets.iter().map(|target| Found::target(target));
        if !namespaces.is_empty() {
            let why = "for the first list of pods";
            config.statuses.waiting(Part::Kubernetes, why);
        }
        let why = "for the first answers of the processes";
        config.statuses.waiting(Part::Scrape, why);
        Self {
            interval: config.interval,
            how: Asking {
                dialer: config.dialer,
                timeout: config.timeout,
                limit: config.limit,
            },
            statuses: config.statuses,
            metrics: config.metrics,
            known: Known::new(initial, targets.collect(), namespaces),
            queue: Queue::new(config.concurrency),
            runs: Runs::new(&config.name),
            asking: JoinSet::new(),
            all_wanted: false,
            failing: Vec::new(),
            out,
            publish_at: None,
        }
    }

    /// Takes what Kubernetes tells. Returns whether it is known for the first time which pods there
    /// are.
    fn learn(&mut self, news: impl Iterator<Item = News>) -> bool {
        let was_listed = self.known.is_listed();
        let mut changed = BTreeSet::new();
        for News { namespace, what } in news {
            match what {
                What::Listed(pods) => changed.extend(self.known.list(namespace, pods)),
                What::Applied(found) => changed.extend(self.known.apply(found)),
                What::Gone(key) => self.known.remove(&key),
                What::Watching => {
                    self.failing.retain(|(of, _)| *of != namespace);
                    self.tell_status();
                }
                What::Failing(why) => {
                    self.failing.retain(|(of, _)| *of != namespace);
                    self.failing.push((namespace, why));
                    self.tell_status();
                }
            }
        }
        let changed: Vec<PodKey> = changed
            .into_iter()
            .filter(|key| self.known.askable_pod(key).is_some())
            .collect();
        if !changed.is_empty() {
            for key in &changed {
                self.queue.push_changed(key.clone());
            }
            self.runs.open(RunKind::Changed, false, changed);
        }
        !was_listed && self.known.is_listed()
    }

    fn tell_status(&self) {
        match self.failing.last() {
            Some((_, why)) => self.statuses.failing(Part::Kubernetes, why),
            None if self.known.is_listed() => self.statuses.working(Part::Kubernetes),
            None => {}
        }
    }

    /// Asks all.
    fn ask_all(&mut self) {
        self.all_wanted = false;
        let pods: Vec<PodKey> = self.known.askable().cloned().collect();
        if pods.is_empty() && !self.known.is_listed() {
            return;
        }
        for key in &pods {
            self.queue.push(key.clone(), self.known.is_failing(key));
        }
        let complete = self.known.is_listed();
        self.runs.open(RunKind::Full, complete, pods);
    }

    fn hear(&mut self, asked: Asked) {
        let Asked { pod, took, said } = asked;
        self.metrics
            .asked(took, said.as_ref().err().map(|error| error.kind));
        let heard = self.known.hear(&pod, said);
        if !self.queue.done(&pod.key) {
            self.runs.asked(&pod.key, heard == Heard::Answered);
        }
    }

    /// Asks those whose turn it is, and sees what has come to an end.
    fn go_on(&mut self) {
        if self.all_wanted && !self.runs.is_full_open() {
            self.ask_all();
        }
        while let Some(key) = self.queue.next() {
            let Some(pod) = self.known.askable_pod(&key).cloned() else {
                self.queue.done(&key);
                self.runs.asked(&key, false);
                continue;
            };
            let how = self.how.clone();
            self.asking.spawn(async move {
                let started = Instant::now();
                let said = AssertUnwindSafe(how.ask(&pod)).catch_unwind().await;
                let said = said.unwrap_or_else(|_| {
                    let why = "its answer made kafmesh-discover panic; please report that";
                    Err(dial::Error::new(&pod, FailureKind::Invalid, why))
                });
                let took = started.elapsed();
                Asked { pod, took, said }
            });
        }
        let closed = self.runs.close();
        if closed.full {
            self.known.tidy();
            self.metrics.full_scrape();
        }
        if closed.complete {
            self.statuses.working(Part::Scrape);
        }
        if (self.known.take_changed() || closed.any) && self.publish_at.is_none() {
            self.publish_at = Some(Instant::now() + COLLECT);
        }
    }

    fn publish(&mut self) {
        self.publish_at = None;
        self.metrics.known(self.known.pods());
        self.out.send_replace(Arc::new(Scraped {
            pods: self.known.pods().clone(),
            runs: self.runs.ended(),
        }));
    }
}
