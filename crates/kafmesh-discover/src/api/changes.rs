//! What changed from one revision of the mesh to the next, for as long as clients may have missed it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::view::{LinkKey, NodeKeyView};
use crate::mesh::Mesh;
use crate::mesh::graph::{Graph, Properties};

/// How many changes are remembered, and in how many bytes.
const REMEMBERED: usize = 256;
const REMEMBERED_BYTES: usize = 8 << 20;

/// How many keys a change names at most.
const MOST_KEYS: usize = 1000;

/// What one event tells.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Changed<'a> {
    /// The revision the mesh has now.
    revision: u64,
    /// Nodes, by key.
    nodes: Difference<NodeKeyView<'a>>,
    /// Edges, by key.
    edges: Difference<LinkKey<'a>>,
    /// Whether more changed than is named here; then everything is to be read anew.
    truncated: bool,
}

/// What of two sets of things with properties differs.
#[derive(Debug, Serialize, ToSchema)]
struct Difference<K> {
    added: Vec<K>,
    changed: Vec<K>,
    removed: Vec<K>,
}

impl<'a> Changed<'a> {
    fn new(revision: u64, old: &'a Graph, new: &'a Graph) -> Self {
        let mut room = MOST_KEYS;
        let nodes = Difference::new(&old.nodes, &new.nodes, &mut room, NodeKeyView::from);
        let edges = Difference::new(&old.edges, &new.edges, &mut room, LinkKey::from);
        Self {
            revision,
            truncated: nodes.1 || edges.1,
            nodes: nodes.0,
            edges: edges.0,
        }
    }

    fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.edges.is_empty() && !self.truncated
    }
}

impl<K> Difference<K> {
    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// The difference, and whether there was no room for all of it.
    fn new<'a, T: Ord>(
        old: &'a BTreeMap<T, Properties>,
        new: &'a BTreeMap<T, Properties>,
        room: &mut usize,
        view: impl Fn(&'a T) -> K,
    ) -> (Self, bool) {
        let mut difference = Self {
            added: Vec::new(),
            changed: Vec::new(),
            removed: Vec::new(),
        };
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return (difference, false),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((old, _)), Some((new, _))) => old.cmp(new),
            };
            let before = (order != Ordering::Greater).then(|| old.next()).flatten();
            let after = (order != Ordering::Less).then(|| new.next()).flatten();
            let (list, key) = match (before, after) {
                (Some((_, before)), Some((_, after))) if before == after => continue,
                (Some(_), Some((key, _))) => (&mut difference.changed, key),
                (Some((key, _)), None) => (&mut difference.removed, key),
                (None, Some((key, _))) => (&mut difference.added, key),
                (None, None) => continue,
            };
            if *room == 0 {
                return (difference, true);
            }
            *room -= 1;
            list.push(view(key));
        }
    }
}

/// One remembered change.
#[derive(Debug)]
pub(super) struct Change {
    /// The revision it leads to.
    pub(super) to: u64,
    /// [`Changed`] as JSON.
    pub(super) json: String,
}

/// The last changes.
#[derive(Debug)]
pub(super) struct Changes {
    log: Mutex<Log>,
    newest: watch::Sender<u64>,
}

#[derive(Debug)]
struct Log {
    changes: VecDeque<Arc<Change>>,
    /// How long the JSON of all of them is.
    bytes: usize,
    /// The revision they begin at, and the one that they lead to.
    oldest: u64,
    newest: u64,
}

/// What a client has missed.
#[derive(Debug)]
pub(super) struct Missed {
    /// In their order.
    pub(super) changes: Vec<Arc<Change>>,
    /// The revision they lead to.
    pub(super) newest: u64,
}

impl Changes {
    /// Follows the mesh from now on, until there is none or `stop`.
    pub(super) fn follow(
        mut mesh: watch::Receiver<Arc<Mesh>>,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let mut last = mesh.borrow_and_update().clone();
        let changes = Arc::new(Self {
            log: Mutex::new(Log {
                changes: VecDeque::new(),
                bytes: 0,
                oldest: last.revision,
                newest: last.revision,
            }),
            newest: watch::Sender::new(last.revision),
        });
        let following = changes.clone();
        tokio::spawn(async move {
            while let Some(Ok(())) = stop.run_until_cancelled(mesh.changed()).await {
                let next = mesh.borrow_and_update().clone();
                // Scrapes, and looks at Kafka, that found nothing new.
                if next.revision != last.revision {
                    following.note(&last, &next);
                }
                last = next;
            }
        });
        changes
    }

    fn note(&self, last: &Mesh, next: &Mesh) {
        let changed = Changed::new(next.revision, &last.graph, &next.graph);
        // What Kafka or a finding says may change without any node or edge.
        let change = (!changed.is_empty()).then(|| Change {
            to: next.revision,
            json: serde_json::to_string(&changed).unwrap_or_default(),
        });
        self.lock().push(change, next.revision);
        self.newest.send_replace(next.revision);
    }

    /// What changed since `revision`; `None` when that is no longer known.
    pub(super) fn since(&self, revision: u64) -> Option<Missed> {
        let log = self.lock();
        if !(log.oldest..=log.newest).contains(&revision) {
            return None;
        }
        let missed = log.changes.iter().filter(|change| change.to > revision);
        Some(Missed {
            changes: missed.cloned().collect(),
            newest: log.newest,
        })
    }

    /// The revision that all changes lead to, and how to wait for the next.
    pub(super) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        // Nothing that can panic is done under the lock.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    fn push(&mut self, change: Option<Change>, newest: u64) {
        self.newest = newest;
        if let Some(change) = change {
            self.bytes += change.json.len();
            self.changes.push_back(Arc::new(change));
        }
        while self.changes.len() > REMEMBERED || self.bytes > REMEMBERED_BYTES {
            let Some(forgotten) = self.changes.pop_front() else {
                return;
            };
            self.bytes -= forgotten.json.len();
            self.oldest = forgotten.to;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut log = Log {
            changes: VecDeque::new(),
            bytes: 0,
            oldest: 0,
            newest: 0,
        };
        let mut push = |to, bytes| {
            let json = "x".repeat(bytes);
            log.push(Some(Change { to, json }), to);
            (log.changes.len(), log.oldest, log.bytes)
        };
        let third = REMEMBERED_BYTES / 3;
        for to in 1..=3 {
            push(to, third);
        }
        assert_eq!(push(4, third), (3, 1, 3 * third));
        // One that is too long by itself is not remembered, and nothing before it.
        assert_eq!(push(5, REMEMBERED_BYTES + 1), (0, 5, 0));
        for to in 6..6 + REMEMBERED as u64 {
            push(to, 1);
        }
        assert_eq!(push(1000, 1), (REMEMBERED, 6, REMEMBERED));
    }
}
