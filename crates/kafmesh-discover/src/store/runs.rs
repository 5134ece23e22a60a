//! Which scrape runs are kept: the last of all replicas.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::KEPT_RUNS;
use crate::mesh::graph::Property;
use crate::mesh::run::ScrapeRun;

/// When a run began, as its node has it, and the node's key: in the order of runs.
pub(super) type RunKey = (String, Arc<str>);

/// The key of a run.
pub(super) fn key(run: &ScrapeRun) -> RunKey {
    let (node, properties) = run.node();
    let started = match properties.get("started") {
        Some(Property::Text(started)) => started.clone(),
        _ => String::new(),
    };
    (started, node.key)
}

/// What comes of the runs of a store when a mesh is written.
#[derive(Debug)]
pub(super) struct Runs<'a> {
    /// Those to add. Of many at once, these are the last only.
    pub(super) added: Vec<(RunKey, &'a ScrapeRun)>,
    /// Those that are no longer among the last [`KEPT_RUNS`].
    pub(super) removed: Vec<RunKey>,
}

impl<'a> Runs<'a> {
    /// What comes of `kept` when these runs happened, too.
    pub(super) fn of(kept: &BTreeSet<RunKey>, happened: &'a [ScrapeRun]) -> Self {
        let happened: Vec<_> = happened.iter().map(|run| (key(run), run)).collect();
        let mut last = kept.clone();
        last.extend(happened.iter().map(|(key, _)| key.clone()));
        while last.len() > KEPT_RUNS {
            last.pop_first();
        }
        let is_new = |key: &RunKey| last.contains(key) && !kept.contains(key);
        Self {
            added: happened
                .into_iter()
                .filter(|(key, _)| is_new(key))
                .collect(),
            removed: kept.difference(&last).cloned().collect(),
        }
    }
}
