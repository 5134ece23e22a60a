//! Where the graph of the mesh is kept: in Neo4j. What every store does is written down in the one in
//! memory, which the one in Neo4j is compared with.
//!
//! What a store keeps are the pods with their last answers; its graph follows from them, and a
//! write changes what differs and nothing else. Several replicas of kafmesh-discover may write to
//! one database, and each may know other pods. What each may do:
//!
//! - A pod that is part of the written mesh is added or changed, unless the store has found out
//!   about it later than the mesh has. So the replica wins that asked last.
//! - A pod that did not answer keeps the answer the store has, which becomes stale.
//! - A pod that is as the store has it stays so, also where another replica heard it at another time:
//!   the times are those of the first.
//! - A pod is removed if this process knew it and Kubernetes no longer lists it, or if it is in the
//!   [scope](crate::mesh::scope) of this process, not in the mesh, and the store found out about it
//!   before the scope was listed: it went while nobody looked. A pod of another namespace belongs to
//!   somebody else and stays as it is. So all replicas of a database look at one cluster.
//! - A static target that no mesh has had for a day is removed by whoever writes next. Which replica
//!   asks it is not kept: a replica that returns with other targets may have another name.
//! - What Kafka says is that of the mesh written last, so all replicas should ask the same Kafka, or
//!   none. A replica that has not read it yet leaves what is there, marked as stale if it cannot read it.
//! - Nodes and edges are removed when no pod in the store reports them: what another replica's pods
//!   report, or what a pod said last that cannot be reached, stays.

mod changes;
mod follow;
mod kafka;
mod memory;
mod merge;
mod neo4j;
mod runs;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

pub use follow::follow;
pub use memory::Memory;
pub use neo4j::{Neo4j, Settings, VERSION};

use crate::mesh::Mesh;
use crate::mesh::graph::Graph;
use crate::mesh::pod::{PodKey, Pods};

/// How many scrape runs a store keeps.
pub const KEPT_RUNS: usize = 100;

/// Keeps the graph of the mesh.
pub trait Store: Send + Sync + 'static {
    /// The pods the store knows, of earlier runs of kafmesh-discover and of other replicas.
    fn load(&self) -> impl Future<Output = Result<Pods, Error>> + Send;

    /// Brings the store up to date with `mesh`. `gone` are pods that this process knew earlier;
    /// those that are not in `mesh` are removed, as are those that its scope says are gone.
    ///
    /// All of it takes place, or, with an error, none.
    fn write(
        &self,
        mesh: &Mesh,
        gone: &BTreeSet<PodKey>,
    ) -> impl Future<Output = Result<Written, Error>> + Send;

    /// The graph as it is kept, with its scrape runs.
    fn graph(&self) -> impl Future<Output = Result<Graph, Error>> + Send;
}

/// What a write has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Nodes that were added or changed; scrape runs left out.
    pub nodes: usize,
    /// Nodes that were removed; scrape runs left out.
    pub removed_nodes: usize,
    /// Edges that were added or changed; those of scrape runs left out.
    pub edges: usize,
    /// Edges that were removed by themselves, not with one of their nodes.
    pub removed_edges: usize,
    /// Scrape runs that were added.
    pub runs: usize,
}

/// Why a store could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The settings are no usable ones.
    #[error("cannot use Neo4j at {uri}: {reason}")]
    Settings {
        /// The address as it is configured.
        uri: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Neo4j is not there, or refused.
    #[error("{action} in Neo4j: {source}{}", neo4j::and_advice(source))]
    Neo4j {
        /// What was being done.
        action: &'static str,
        /// What Neo4j or the connection to it said.
        #[source]
        source: Box<neo4rs::Error>,
    },
    /// Neo4j took too long.
    #[error("{action} in Neo4j took more than {seconds} s; the next attempt has {next} s")]
    Timeout {
        /// What was being done.
        action: &'static str,
        /// For how long it was waited for.
        seconds: u64,
        /// For how long it is waited for when it is tried again.
        next: u64,
    },
    /// Something in the database is not what kafmesh-discover writes.
    #[error(
        "the {label} in Neo4j with the kafmeshKey {key:?} cannot be read: {why}; it was written by a \
         newer kafmesh-discover, which must be used then, or changed by hand, then delete it; \
         nothing is written meanwhile"
    )]
    Unreadable {
        /// The label of its node.
        label: &'static str,
        /// Its key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database was written by a newer kafmesh-discover.
    #[error(
        "the graph in Neo4j has version {found} of its model, and this kafmesh-discover knows \
         versions up to {known}: use the newer kafmesh-discover, or another database; what is in \
         this one is not touched"
    )]
    NewerModel {
        /// The version of the model in the database.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// What kafmesh-discover keeps its place with is no longer there.
    #[error("the graph in Neo4j was removed by somebody else; it is written anew")]
    Emptied,
}

impl Error {
    /// Whether the user or the password is wrong, so that soon trying again is of no use.
    pub(crate) fn is_denied(&self) -> bool {
        matches!(self, Self::Neo4j { source, .. } if neo4j::is_denied(source))
    }
}

/// The graph of all pods a store keeps: mostly that of `mesh` itself. `before` is what the store has.
fn graph_of(kept: &merge::KeptPods, mesh: &Mesh, before: &Graph) -> Arc<Graph> {
    let same = kept.len() == mesh.pods.len()
        && kept
            .iter()
            .zip(&mesh.pods)
            .all(|((key, kept), (other, observed))| {
                key == other
                    && (Arc::ptr_eq(&kept.observed, observed) || kept.observed == *observed)
            });
    let graph = if same {
        mesh.graph.clone()
    } else {
        Mesh::new(0, merge::pods(kept), mesh.actual.clone(), Vec::new()).graph
    };
    match mesh.unread {
        Some(unread) => kafka::keep(&graph, before, unread),
        None => graph,
    }
}
