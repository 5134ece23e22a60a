//! The scrapes under way, and the last that have ended.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::REMEMBERED_RUNS;
use crate::mesh::pod::PodKey;
use crate::mesh::run::{RunKind, ScrapeRun};

/// Pods that change within so long are asked in one run: a rollout is some runs, not one for each
/// pod.
const COLLECT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Runs {
    /// What tells the runs of this process from those of others.
    name: String,
    count: u64,
    /// Grows whenever pods are added to a run.
    moment: Moment,
    open: Vec<Open>,
    ended: VecDeque<ScrapeRun>,
}

/// A moment between two additions of pods to runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

impl Moment {
    /// Later than all.
    pub(super) const END: Self = Self(u64::MAX);
}

#[derive(Debug)]
struct Open {
    id: Arc<str>,
    started: Timestamp,
    /// When the last of its pods had answered or failed.
    ended: Timestamp,
    kind: RunKind,
    /// Whether it was known which pods there are.
    complete: bool,
    /// When it takes no more pods, and may end.
    closes: Instant,
    pods: BTreeMap<PodKey, State>,
    waiting: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is to be asked after this moment.
    Waiting(Moment),
    Answered,
    Failed,
}

impl Open {
    fn add(&mut self, pods: Vec<PodKey>, moment: Moment) {
        for key in pods {
            let before = self.pods.insert(key, State::Waiting(moment));
            if !matches!(before, Some(State::Waiting(_))) {
                self.waiting += 1;
            }
        }
    }

    fn end(self) -> ScrapeRun {
        let asked = self.pods.len();
        let answered = |(key, state)| (state == State::Answered).then_some(key);
        let observed: Arc<[PodKey]> = self.pods.into_iter().filter_map(answered).collect();
        ScrapeRun {
            id: self.id,
            started: self.started,
            ended: self.ended,
            kind: self.kind,
            asked,
            answered: observed.len(),
            failed: asked - observed.len(),
            observed,
        }
    }
}

impl Runs {
    /// `name` is this process's.
    pub(super) fn new(name: &str) -> Self {
        // Replicas on one host may have one name.
        let chance = RandomState::new().hash_one(name);
        Self {
            name: format!("{name}-{:08x}", chance as u32),
            count: 0,
            moment: Moment::default(),
            open: Vec::new(),
            ended: VecDeque::new(),
        }
    }

    /// Begins to ask `pods`, which are all that can be asked. With `complete`, it is known which
    /// there are.
    pub(super) fn all(&mut self, complete: bool, pods: Vec<PodKey>, now: Instant) {
        self.moment.0 += 1;
        self.begin(RunKind::Full, complete, pods, now);
    }

    /// Begins to ask `pods`, which have appeared or changed.
    pub(super) fn changed(&mut self, pods: Vec<PodKey>, now: Instant) {
        self.moment.0 += 1;
        let collects = |run: &&mut Open| run.kind == RunKind::Changed && now < run.closes;
        match self.open.iter_mut().find(collects) {
            Some(run) => run.add(pods, self.moment),
            None => self.begin(RunKind::Changed, false, pods, now + COLLECT),
        }
    }

    fn begin(&mut self, kind: RunKind, complete: bool, pods: Vec<PodKey>, closes: Instant) {
        self.count += 1;
        let started = Timestamp::now();
        let mut run = Open {
            id: format!("{started:.3}-{}-{}", self.name, self.count).into(),
            started,
            ended: started,
            kind,
            complete,
            closes,
            pods: BTreeMap::new(),
            waiting: 0,
        };
        run.add(pods, self.moment);
        self.open.push(run);
    }

    /// Whether a run of all pods is under way.
    pub(super) fn is_full_open(&self) -> bool {
        self.open.iter().any(|run| run.kind == RunKind::Full)
    }

    /// Now.
    pub(super) fn moment(&self) -> Moment {
        self.moment
    }

    /// `key` answered, or failed; that counts in the runs that it was in before `until`.
    pub(super) fn asked(&mut self, key: &PodKey, answered: bool, until: Moment) {
        for run in &mut self.open {
            if let Some(state) = run.pods.get_mut(key)
                && matches!(state, State::Waiting(since) if *since <= until)
            {
                *state = if answered {
                    State::Answered
                } else {
                    State::Failed
                };
                run.waiting -= 1;
                run.ended = Timestamp::now();
            }
        }
    }

    /// When a run that has asked all of its pods may end.
    pub(super) fn next(&self) -> Option<Instant> {
        let done = self.open.iter().filter(|run| run.waiting == 0);
        done.map(|run| run.closes).min()
    }

    /// Ends the runs that have asked all of their pods.
    pub(super) fn close(&mut self, now: Instant) -> Closed {
        let mut closed = Closed::default();
        let done = |run: &mut Open| run.waiting == 0 && run.closes <= now;
        for run in self.open.extract_if(.., done) {
            closed.any = true;
            if run.kind == RunKind::Full {
                closed.full = true;
                closed.complete |= run.complete;
            }
            self.ended.push_back(run.end());
        }
        while self.ended.len() > REMEMBERED_RUNS {
            let full = self.ended.iter().filter(|run| run.kind == RunKind::Full);
            let more = if full.count() * 2 > self.ended.len() {
                RunKind::Full
            } else {
                RunKind::Changed
            };
            let oldest = self.ended.iter().position(|run| run.kind == more);
            self.ended.remove(oldest.unwrap_or_default());
        }
        closed
    }

    /// The runs that have ended, oldest first.
    pub(super) fn ended(&self) -> Vec<ScrapeRun> {
        self.ended.iter().cloned().collect()
    }
}

/// Which runs were closed.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Closed {
    pub(super) any: bool,
    /// One of all pods.
    pub(super) full: bool,
    /// One of all pods, when it was known which there are.
    pub(super) complete: bool,
}

#[cfg(test)]
mod tests;
