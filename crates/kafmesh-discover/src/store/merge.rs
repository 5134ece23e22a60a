//! What a store knows of the pods, and how a mesh adds to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::mesh::Mesh;
use crate::mesh::pod::{FailureKind, Observed, PodKey, Pods};
use crate::mesh::run::RunKind;

/// After so long without anybody who asks it, a static target is gone.
pub(super) const UNASKED: SignedDuration = SignedDuration::from_hours(24);

/// How exactly it is known when a static target was asked last: what changes nothing else is not
/// written more often.
const ASKED: SignedDuration = SignedDuration::from_hours(1);

/// A pod, and when what is known of it was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) observed: Arc<Observed>,
    /// When this was found out by whoever wrote it; finding the same again does not move it, but for
    /// static targets, now and then.
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
    let mut runs = mesh.runs.iter().rev();
    let asked = runs.find(|run| run.kind == RunKind::Full);
    let asked = asked.map(|run| run.started);
    let mut merged = kept.clone();
    merged.retain(|key, kept| {
        mesh.pods.contains_key(key)
            || !(gone.contains(key) || is_missing(kept, mesh) || is_forgotten(kept, asked))
    });
    for (key, observed) in &mesh.pods {
        let said = observed.answer.as_ref().map(|answer| answer.at);
        let failed = observed.failure.as_ref().map(|failure| failure.since);
        // What still is as it was when all pods were asked was found out then.
        let found = said.max(failed).max(asked);
        let found = found.unwrap_or(Timestamp::UNIX_EPOCH);
        let before = merged.get(key);
        let observed = match before {
            Some(kept) => with_answer(observed, &kept.observed),
            None => observed.clone(),
        };
        let kept = match before {
            Some(kept) if say_the_same(&kept.observed, &observed) => Kept {
                found: if is_due(kept, found) {
                    found
                } else {
                    kept.found
                },
                observed: if kept.observed == observed {
                    // That of the mesh: the next comparison ends where it begins.
                    observed
                } else {
                    // With the times that were first, or replicas would write theirs in turn.
                    kept.observed.clone()
                },
            },
            Some(kept) if kept.found > found || not_asked(&observed) => {
                tracing::trace!(pod = %key, found = %kept.found, "the store knows better");
                continue;
            }
            _ => Kept { observed, found },
        };
        merged.insert(key.clone(), kept);
    }
    merged
}

/// Whether a pod that is not in `mesh` would be, if it still were there.
fn is_missing(kept: &Kept, mesh: &Mesh) -> bool {
    let namespace = kept.observed.pod.namespace.as_deref();
    let listed = namespace.and_then(|namespace| mesh.scope.listed_at(namespace));
    listed.is_some_and(|listed| kept.found < listed)
}

/// Whether it is to be kept that a static target was asked again, at the time `now`.
fn is_due(kept: &Kept, now: Timestamp) -> bool {
    kept.observed.pod.namespace.is_none() && now.duration_since(kept.found) >= ASKED
}

/// Whether it is a static target that nobody has asked for long, at the time `now`.
fn is_forgotten(kept: &Kept, now: Option<Timestamp>) -> bool {
    kept.observed.pod.namespace.is_none()
        && now.is_some_and(|now| now.duration_since(kept.found) >= UNASKED)
}

/// Whether it is known from a store only.
fn not_asked(observed: &Observed) -> bool {
    let failure = observed.failure.as_ref();
    failure.is_some_and(|failure| failure.kind == FailureKind::NotAsked)
}

/// Whether both are the same, times left out: replicas hear the same at different times.
fn say_the_same(one: &Observed, other: &Observed) -> bool {
    let answers = match (&one.answer, &other.answer) {
        (Some(one), Some(other)) => {
            (&one.instance, &one.description) == (&other.instance, &other.description)
        }
        (one, other) => one.is_none() && other.is_none(),
    };
    let failures = match (&one.failure, &other.failure) {
        (Some(one), Some(other)) => (one.kind, &one.message) == (other.kind, &other.message),
        (one, other) => one.is_none() && other.is_none(),
    };
    one.pod == other.pod && answers && failures
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
