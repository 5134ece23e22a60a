//! What is known of every process: which there are, and what each said last.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::found::Found;
use crate::dial;
use crate::mesh::description::Description;
use crate::mesh::pod::{Answer, Failure, FailureKind, Instance, Observed, Pod, PodKey, Pods};

/// The processes and what is known of each.
#[derive(Debug)]
pub(super) struct Known {
    pods: Pods,
    /// Those that are certainly there; others of `pods` are known from before and not confirmed yet.
    found: BTreeMap<PodKey, Found>,
    /// The namespaces (`None`: all) whose pods Kubernetes has not listed yet.
    unlisted: BTreeSet<Option<String>>,
    /// One allocation for each of the descriptions that several processes give.
    descriptions: HashSet<Arc<Description>>,
    changed: bool,
}

/// What became of an answer or failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// It answered.
    Answered,
    /// It did not.
    Failed,
    /// Another process has taken its place, or none.
    Outdated,
}

impl Known {
    /// `initial` is what is known from before: what of it nobody would ask is forgotten, the rest is
    /// stale until it is asked.
    pub(super) fn new(
        initial: Pods,
        targets: Vec<Found>,
        namespaces: BTreeSet<Option<String>>,
    ) -> Self {
        let targets: BTreeMap<_, _> = targets
            .into_iter()
            .map(|target| (target.pod.key.clone(), target))
            .collect();
        let now = Timestamp::now();
        let mut known = Self {
            pods: Pods::new(),
            found: BTreeMap::new(),
            unlisted: namespaces,
            descriptions: HashSet::new(),
            changed: true,
        };
        for (key, observed) in initial {
            let wanted = match &observed.pod.namespace {
                None => targets.contains_key(&key),
                namespace => known.unlisted.contains(&None) || known.unlisted.contains(namespace),
            };
            if wanted {
                let observed = known.not_asked(&observed, now);
                known.pods.insert(key, Arc::new(observed));
            }
        }
        for target in targets.into_values() {
            known.apply(target);
        }
        known
    }

    fn not_asked(&mut self, observed: &Observed, now: Timestamp) -> Observed {
        let Pod { key, address, .. } = &observed.pod;
        Observed {
            pod: observed.pod.clone(),
            answer: observed.answer.clone().map(|answer| Answer {
                description: self.intern(answer.description),
                ..answer
            }),
            failure: observed.failure.clone().or_else(|| {
                Some(Failure {
                    since: now,
                    kind: FailureKind::NotAsked,
                    message: format!(
                        "{key} at {address}: known from an earlier run of kafmesh-discover, and \
                         not asked in this one yet"
                    ),
                })
            }),
        }
    }

    /// All that is known.
    pub(super) fn pods(&self) -> &Pods {
        &self.pods
    }

    /// Whether [`pods`](Self::pods) changed since this was asked last.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether it is known which processes there are.
    pub(super) fn is_listed(&self) -> bool {
        self.unlisted.is_empty()
    }

    /// Those that can be asked.
    pub(super) fn askable(&self) -> impl Iterator<Item = &PodKey> {
        let askable = |(_, found): &(_, &Found)| found.problem.is_none();
        self.found.iter().filter(askable).map(|(key, _)| key)
    }

    /// Where to ask `key`; `None` when it cannot be asked, or no more.
    pub(super) fn askable_pod(&self, key: &PodKey) -> Option<&Pod> {
        let found = self.found.get(key)?;
        found.problem.is_none().then_some(&found.pod)
    }

    /// Whether `key` failed when it was asked last.
    pub(super) fn is_failing(&self, key: &PodKey) -> bool {
        self.pods
            .get(key)
            .and_then(|observed| observed.failure.as_ref())
            .is_some_and(|failure| failure.kind != FailureKind::NotAsked)
    }

    /// Takes the pods of a namespace, or of all: others of it go. Returns those to ask.
    pub(super) fn list(&mut self, namespace: Option<String>, pods: Vec<Found>) -> Vec<PodKey> {
        let listed: HashSet<&PodKey> = pods.iter().map(|found| &found.pod.key).collect();
        let gone: Vec<PodKey> = self
            .pods
            .iter()
            .filter(
                |(key, observed)| match (&namespace, &observed.pod.namespace) {
                    (_, None) => false,
                    (Some(namespace), Some(of)) if namespace != of => false,
                    _ => !listed.contains(key),
                },
            )
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            self.remove(&key);
        }
        self.unlisted.remove(&namespace);
        pods.into_iter()
            .filter_map(|found| self.apply(found))
            .collect()
    }

    /// Takes a process that appeared or changed. Returns its key when it is to be asked.
    pub(super) fn apply(&mut self, found: Found) -> Option<PodKey> {
        let key = found.pod.key.clone();
        if self.found.get(&key) == Some(&found) {
            return None;
        }
        let before = self.pods.get(&key);
        // Another process under the same name has said nothing yet.
        let same = before.filter(|before| before.pod.uid == found.pod.uid);
        let failure = same.and_then(|same| same.failure.clone());
        let failure = match &found.problem {
            Some(problem) => Some(Failure {
                since: since(failure.as_ref()),
                kind: FailureKind::NoAddress,
                message: problem.clone(),
            }),
            None => failure,
        };
        let observed = Observed {
            pod: found.pod.clone(),
            answer: same.and_then(|same| same.answer.clone()),
            failure,
        };
        // What is being stopped has nothing new to say, and may refuse.
        let asked = found.problem.is_none() && !(found.leaving && same.is_some());
        self.found.insert(key.clone(), found);
        self.observe(key.clone(), observed);
        asked.then_some(key)
    }

    /// Forgets a process that is gone.
    pub(super) fn remove(&mut self, key: &PodKey) {
        self.found.remove(key);
        if self.pods.remove(key).is_some() {
            self.changed = true;
            tracing::info!(pod = %key, "is gone");
        }
    }

    /// Takes what `asked` said.
    pub(super) fn hear(
        &mut self,
        asked: &Pod,
        said: Result<(Instance, Description), dial::Error>,
    ) -> Heard {
        let current = self.found.get(&asked.key).filter(|found| {
            let Pod {
                uid, address, tls, ..
            } = &found.pod;
            found.problem.is_none()
                && (uid, address, tls) == (&asked.uid, &asked.address, &asked.tls)
        });
        let (Some(current), Some(before)) = (current, self.pods.get(&asked.key).cloned()) else {
            return Heard::Outdated;
        };
        let (heard, answer, failure) = match said {
            Ok((instance, description)) => {
                let failed = self.is_failing(&asked.key);
                if failed {
                    tracing::info!(pod = %asked.key, "answers again");
                }
                let description = self.intern(Arc::new(description));
                // What was found out later than a failure must not look older than it.
                let same = before.answer.clone().filter(|answer| {
                    !failed && (&answer.instance, &answer.description) == (&instance, &description)
                });
                let answer = same.unwrap_or_else(|| Answer {
                    at: Timestamp::now(),
                    instance,
                    description,
                });
                (Heard::Answered, Some(answer), None)
            }
            Err(error) => {
                let before_failed = before.failure.as_ref().map(|failure| failure.kind);
                if before_failed == Some(error.kind) || !current.ready {
                    tracing::debug!("{error}");
                } else {
                    tracing::warn!("{error}");
                }
                let failure = Failure {
                    since: since(before.failure.as_ref()),
                    kind: error.kind,
                    message: error.message,
                };
                (Heard::Failed, before.answer.clone(), Some(failure))
            }
        };
        let observed = Observed {
            pod: before.pod.clone(),
            answer,
            failure,
        };
        self.observe(asked.key.clone(), observed);
        heard
    }

    /// Forgets descriptions that nobody gives any more.
    pub(super) fn tidy(&mut self) {
        self.descriptions
            .retain(|description| Arc::strong_count(description) > 1);
    }

    fn observe(&mut self, key: PodKey, observed: Observed) {
        if self
            .pods
            .get(&key)
            .is_none_or(|before| **before != observed)
        {
            self.pods.insert(key, Arc::new(observed));
            self.changed = true;
        }
    }

    fn intern(&mut self, description: Arc<Description>) -> Arc<Description> {
        if let Some(known) = self.descriptions.get(&description) {
            return known.clone();
        }
        self.descriptions.insert(description.clone());
        description
    }
}

/// Since when a process fails that failed like `before` until now.
fn since(before: Option<&Failure>) -> Timestamp {
    match before {
        Some(failure) if failure.kind != FailureKind::NotAsked => failure.since,
        _ => Timestamp::now(),
    }
}

#[cfg(test)]
mod tests;
