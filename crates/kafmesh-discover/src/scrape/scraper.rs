//! Brings news, questions and answers together, and publishes what comes of it.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

use super::ask::Asking;
use super::found::Found;
use super::known::{Heard, Known};
use super::kubernetes::{News, What};
use super::metrics::Metrics;
use super::queue::Queue;
use super::runs::Runs;
use super::{Config, Scraped};
use crate::dial;
use crate::mesh::description::Description;
use crate::mesh::pod::{FailureKind, Instance, Pod, PodKey, Pods};
use crate::mesh::run::RunKind;
use crate::mesh::scope::Scope;
use crate::status::{Part, Statuses};

/// What is learned is published after so long, so that what happens together is published once.
const COLLECT: Duration = Duration::from_millis(100);

/// What events are handed to.
pub(super) struct Scraper {
    how: Asking,
    statuses: Statuses,
    metrics: Metrics,
    known: Known,
    scope: Scope,
    queue: Queue,
    runs: Runs,
    asking: JoinSet<Asked>,
    /// Whether all are to be asked once the scrape under way, if there is one, has ended.
    all_wanted: bool,
    /// The namespaces that Kubernetes does not tell of, and why.
    failing: Vec<(Option<String>, String)>,
    out: watch::Sender<Arc<Scraped>>,
    publish_at: Option<Instant>,
    /// Whether all processes have been asked since all are known.
    all_asked: bool,
}

/// A process that was asked, and what it said.
struct Asked {
    pod: Pod,
    took: Duration,
    said: Result<(Instance, Description), dial::Error>,
}

impl Scraper {
    pub(super) fn new(
        config: &Config,
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
            how: Asking {
                dialer: config.dialer.clone(),
                timeout: config.timeout,
                limit: config.limit,
            },
            statuses: config.statuses.clone(),
            metrics: config.metrics.clone(),
            known: Known::new(initial, targets.collect(), namespaces),
            scope: Scope::default(),
            queue: Queue::new(config.concurrency),
            runs: Runs::new(&config.name),
            asking: JoinSet::new(),
            all_wanted: false,
            failing: Vec::new(),
            out,
            publish_at: None,
            all_asked: false,
        }
    }

    /// Takes what Kubernetes tells. Returns whether it is known for the first time which pods there
    /// are; all of them are asked then.
    pub(super) fn learn(&mut self, news: impl Iterator<Item = News>) -> bool {
        let was_listed = self.known.is_listed();
        let mut changed = BTreeSet::new();
        for News { namespace, what } in news {
            match what {
                What::Listed { pods, at } => {
                    self.scope.listed(namespace.clone(), at);
                    changed.extend(self.known.list(namespace, pods));
                }
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
        let first = !was_listed && self.known.is_listed();
        self.all_wanted |= first;
        first
    }

    /// It is time to ask all; left out while that is still under way.
    pub(super) fn tick(&mut self) {
        self.all_wanted |= !self.runs.is_full_open();
    }

    /// Waits until somebody was asked, or it is time to publish, and sees to it. Cancel safe.
    pub(super) async fn progress(&mut self) {
        let publish_at = self.publish_at;
        let publishing = async {
            match publish_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = publishing => self.publish(),
            asked = next(&mut self.asking) => match asked {
                Ok(asked) => self.hear(asked),
                Err(error) => tracing::error!("the task that asked a process failed: {error}"),
            },
        }
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
    pub(super) fn go_on(&mut self) {
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
        self.all_asked |= closed.complete;
        if (self.known.take_changed() || closed.any) && self.publish_at.is_none() {
            self.publish_at = Some(Instant::now() + COLLECT);
        }
    }

    pub(super) fn publish(&mut self) {
        self.publish_at = None;
        self.metrics.known(self.known.pods());
        self.out.send_replace(Arc::new(Scraped {
            pods: self.known.pods().clone(),
            runs: self.runs.ended(),
            scope: self.scope.clone(),
        }));
        // Only now: who is told that all were asked finds what they said.
        if self.all_asked {
            self.statuses.working(Part::Scrape);
        }
    }
}

/// The next process that was asked; for ever when none is being asked.
async fn next(asking: &mut JoinSet<Asked>) -> Result<Asked, JoinError> {
    match asking.join_next().await {
        Some(asked) => asked,
        None => std::future::pending().await,
    }
}
