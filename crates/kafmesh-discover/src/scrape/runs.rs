//! The scrapes under way, and the last that have ended.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use jiff::Timestamp;

use super::REMEMBERED_RUNS;
use crate::mesh::pod::PodKey;
use crate::mesh::run::{RunKind, ScrapeRun};

#[derive(Debug)]
pub(super) struct Runs {
    /// What tells the runs of this process from those of others.
    name: String,
    count: u64,
    open: Vec<Open>,
    ended: VecDeque<ScrapeRun>,
}

#[derive(Debug)]
struct Open {
    id: Arc<str>,
    started: Timestamp,
    kind: RunKind,
    /// Whether it was known which pods there are.
    complete: bool,
    asked: usize,
    waiting: HashSet<PodKey>,
    observed: Vec<PodKey>,
}

impl Runs {
    /// `name` is this process's.
    pub(super) fn new(name: &str) -> Self {
        // Replicas on one host may have one name.
        let chance = RandomState::new().hash_one(name);
        Self {
            name: format!("{name}-{:08x}", chance as u32),
            count: 0,
            open: Vec::new(),
            ended: VecDeque::new(),
        }
    }

    /// Opens a run that asks `pods`. With `complete`, these are all there are.
    pub(super) fn open(&mut self, kind: RunKind, complete: bool, pods: Vec<PodKey>) {
        self.count += 1;
        let started = Timestamp::now();
        self.open.push(Open {
            id: format!("{started:.3}-{}-{}", self.name, self.count).into(),
            started,
            kind,
            complete,
            asked: pods.len(),
            waiting: pods.into_iter().collect(),
            observed: Vec::new(),
        });
    }

    /// Whether a run of all pods is under way.
    pub(super) fn is_full_open(&self) -> bool {
        self.open.iter().any(|run| run.kind == RunKind::Full)
    }

    /// `key` answered, or failed.
    pub(super) fn asked(&mut self, key: &PodKey, answered: bool) {
        for run in &mut self.open {
            if run.waiting.remove(key) && answered {
                run.observed.push(key.clone());
            }
        }
    }

    /// Closes the runs that have asked all of their pods.
    pub(super) fn close(&mut self) -> Closed {
        let mut closed = Closed::default();
        for run in self.open.extract_if(.., |run| run.waiting.is_empty()) {
            closed.any = true;
            closed.full |= run.kind == RunKind::Full;
            closed.complete |= run.kind == RunKind::Full && run.complete;
            if self.ended.len() == REMEMBERED_RUNS {
                self.ended.pop_front();
            }
            let answered = run.observed.len();
            self.ended.push_back(ScrapeRun {
                id: run.id,
                started: run.started,
                ended: Timestamp::now(),
                kind: run.kind,
                asked: run.asked,
                answered,
                failed: run.asked - answered,
                observed: run.observed.into(),
            });
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
