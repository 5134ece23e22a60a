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
use super::pace::Pace;
use super::queue::Queue;
use super::retries::Retries;
use super::runs::{Moment, Runs};
use super::{Config, Scraped};
use crate::dial;
use crate::mesh::description::Description;
use crate::mesh::pod::{FailureKind, Instance, Pod, PodKey, Pods};
use crate::mesh::scope::Scope;
use crate::status::{Part, Statuses};

/// What events are handed to.
pub(super) struct Scraper {
    how: Asking,
    statuses: Statuses,
    metrics: Metrics,
    known: Known,
    scope: Scope,
    queue: Queue,
    retries: Retries,
    runs: Runs,
    asking: JoinSet<Asked>,
    /// Whether all are to be asked once the scrape under way, if there is one, has ended.
    all_wanted: bool,
    /// The namespaces that Kubernetes does not tell of, and why.
    failing: Vec<(Option<String>, String)>,
    out: watch::Sender<Arc<Scraped>>,
    pace: Pace,
    /// Whether all processes have been asked since all are known.
    all_asked: bool,
}

/// A process that was asked, and what it said.
struct Asked {
    pod: Pod,
    /// When.
    moment: Moment,
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
            retries: Retries::new(config.interval),
            runs: Runs::new(&config.name),
            asking: JoinSet::new(),
            all_wanted: false,
            failing: Vec::new(),
            out,
            pace: Pace::default(),
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
        for key in &changed {
            self.retries.forget(key);
            self.queue.push_changed(key.clone());
        }
        let first = !was_listed && self.known.is_listed();
        self.all_wanted |= first;
        // They are part of the scrape of all that begins now.
        let of_all = first && !self.runs.is_full_open();
        if !changed.is_empty() && !of_all {
            self.runs.changed(changed, Instant::now());
        }
        first
    }

    /// It is time to ask all; left out while that is still under way.
    pub(super) fn tick(&mut self) {
        self.all_wanted |= !self.runs.is_full_open();
    }

    /// Waits until somebody was asked or it is time for something, and sees to it. Cancel safe.
    pub(super) async fn progress(&mut self) {
        let times = [self.pace.next(), self.retries.next(), self.runs.next()];
        let time = async {
            match times.into_iter().flatten().min() {
                Some(time) => tokio::time::sleep_until(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // What it is time for is found out when it goes on.
            () = time => {}
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
    fn ask_all(&mut self, now: Instant) {
        self.all_wanted = false;
        let pods: Vec<PodKey> = self.known.askable().cloned().collect();
        if pods.is_empty() && !self.known.is_listed() {
            return;
        }
        for key in &pods {
            self.queue.push(key.clone(), self.known.is_failing(key));
        }
        let complete = self.known.is_listed();
        self.runs.all(complete, pods, now);
    }

    fn hear(&mut self, asked: Asked) {
        let Asked {
            pod,
            moment,
            took,
            said,
        } = asked;
        let failed = said.as_ref().err().map(|error| error.kind);
        self.metrics.asked(took, failed);
        let heard = self.known.hear(&pod, said);
        match failed {
            Some(FailureKind::Unreachable | FailureKind::Timeout) if heard == Heard::Failed => {
                self.retries.failed(&pod.key, Instant::now());
            }
            _ => {
                self.retries.forget(&pod.key);
            }
        }
        // Runs that it came into since are answered when it is asked once more.
        let again = self.queue.done(&pod.key);
        let until = if again { moment } else { Moment::END };
        self.runs.asked(&pod.key, heard == Heard::Answered, until);
    }

    /// Asks those whose turn it is, and sees what has come to an end.
    pub(super) fn go_on(&mut self) {
        let now = Instant::now();
        if self.all_wanted && !self.runs.is_full_open() {
            self.ask_all(now);
        }
        while let Some(key) = self.retries.take(now) {
            self.queue.push(key, true);
        }
        while let Some(key) = self.queue.next() {
            let Some(pod) = self.known.askable_pod(&key).cloned() else {
                self.retries.forget(&key);
                self.queue.done(&key);
                self.runs.asked(&key, false, Moment::END);
                continue;
            };
            let how = self.how.clone();
            let moment = self.runs.moment();
            self.asking.spawn(async move {
                let started = Instant::now();
                let said = AssertUnwindSafe(how.ask(&pod)).catch_unwind().await;
                let said = said.unwrap_or_else(|_| {
                    let why = "its answer made kafmesh-discover panic; please report that";
                    Err(dial::Error::new(&pod, FailureKind::Invalid, why))
                });
                let took = started.elapsed();
                Asked {
                    pod,
                    moment,
                    took,
                    said,
                }
            });
        }
        let closed = self.runs.close(now);
        if closed.full {
            self.known.tidy();
            self.metrics.full_scrape();
        }
        self.all_asked |= closed.complete;
        if self.known.take_changed() || closed.any {
            self.pace.want(now, self.runs.is_full_open());
        }
        if self.pace.next().is_some_and(|at| at <= now) {
            self.publish();
        }
    }

    pub(super) fn publish(&mut self) {
        self.pace.published(Instant::now());
        self.metrics.known(self.known.pods());
        self.out.send_replace(Arc::new(Scraped {
            pods: self.known.pods().clone(),
            runs: self.runs.ended(),
            scope: self.scope.clone(),
            complete: self.all_asked,
        }));
    }
}

/// The next process that was asked; for ever when none is being asked.
async fn next(asking: &mut JoinSet<Asked>) -> Result<Asked, JoinError> {
    match asking.join_next().await {
        Some(asked) => asked,
        None => std::future::pending().await,
    }
}
