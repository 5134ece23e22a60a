//! What a store knows of the pods, and how a mesh adds to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::mesh::Mesh;
use crate::mesh::pod::{FailureKind, Observed, PodKey, Pods};
use crate::mesh::run::RunKind;

/// A pod, and when what is known of it was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) observed: Arc<Observed>,
    /// When this was found out by whoever wrote it; finding the same again does not move it.
    pub(super) found: Timestamp,
}

/// All pods of a store.
pub(super) type KeptPods = BTreeMap<PodKey, Kept>;

/// The pods without the times.
pub(super) fn pods(kept: &KeptPods) -> Pods {
    kept.iter()
        .map(|(key, kept)| (key.clone(), kept.observed.clone()))
        .collect()
}

/// What is kept after `mesh` is written; the rules are those of [the store](super).
pub(super) fn merge(kept: &KeptPods, mesh: &Mesh, gone: &BTreeSet<PodKey>) -> KeptPods {
    let mut merged = kept.clone();
    merged.retain(|key, _| mesh.pods.contains_key(key) || !gone.contains(key));
    let mut runs = mesh.runs.iter().rev();
    let asked = runs.find(|run| run.kind == RunKind::Full);
    for (key, observed) in &mesh.pods {
        let said = observed.answer.as_ref().map(|answer| answer.at);
        let failed = observed.failure.as_ref().map(|failure| failure.since);
        // What still is as it was when all pods were asked was found out then.
        let found = said.max(failed).max(asked.map(|run| run.started));
        let found = found.unwrap_or(Timestamp::UNIX_EPOCH);
        let observed = match merged.get(key) {
            None => observed.clone(),
            Some(kept) if kept.observed == *observed => continue,
            Some(kept) if kept.found > found || not_asked(observed) => {
                tracing::trace!(pod = %key, found = %kept.found, "the store knows better");
                continue;
            }
            Some(kept) => {
                let observed = with_answer(observed, &kept.observed);
                if kept.observed == observed {
                    continue;
                }
                observed
            }
        };
        merged.insert(key.clone(), Kept { observed, found });
    }
    merged
}

/// Whether it is known from a store only.
fn not_asked(observed: &Observed) -> bool {
    let failure = observed.failure.as_ref();
    failure.is_some_and(|failure| failure.kind == FailureKind::NotAsked)
}

/// `observed`; with the answer `kept` has, if that is all there is or the later one.
fn with_answer(observed: &Arc<Observed>, kept: &Observed) -> Arc<Observed> {
    let at = |observed: &Observed| observed.answer.as_ref().map(|answer| answer.at);
    if observed.failure.is_none() || at(kept) <= at(observed) || kept.pod.uid != observed.pod.uid {
        return observed.clone();
    }
    Arc::new(Observed {
        answer: kept.answer.clone(),
        ..Observed::clone(observed)
    })
}
