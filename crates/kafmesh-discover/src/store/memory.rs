//! The store in memory: what a database is compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::changes::Changes;
use super::merge::{self, KeptPods};
use super::runs::{RunKey, Runs};
use super::{Error, Store, Written};
use crate::mesh::Mesh;
use crate::mesh::graph::Graph;
use crate::mesh::pod::{PodKey, Pods};
use crate::mesh::run::ScrapeRun;

/// Keeps the graph in memory. Clones are the same store.
///
/// It is the shortest program that does what [`Store`] promises, and the tests hold
/// [`Neo4j`](super::Neo4j) against it. kafmesh-discover itself needs no store but a database: what it
/// answers comes from the [`Mesh`], which is in its memory already.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    pods: KeptPods,
    graph: Arc<Graph>,
    runs: BTreeMap<RunKey, ScrapeRun>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // The parts are replaced one after the other, by what was made before.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    async fn load(&self) -> Result<Pods, Error> {
        Ok(merge::pods(&self.lock().pods))
    }

    async fn write(&self, mesh: &Mesh, gone: &BTreeSet<PodKey>) -> Result<Written, Error> {
        let mut inner = self.lock();
        let pods = merge::merge(&inner.pods, mesh, gone);
        let graph = super::graph_of(&pods, mesh, &inner.graph);
        let changes = Changes::between(&inner.graph, &graph);
        let mut written = changes.written();
        let runs = Runs::of(&inner.runs.keys().cloned().collect(), &mesh.runs);
        written.runs = runs.added.len();
        for key in runs.removed {
            inner.runs.remove(&key);
        }
        for (key, run) in runs.added {
            inner.runs.insert(key, run.clone());
        }
        inner.pods = pods;
        inner.graph = graph;
        Ok(written)
    }

    async fn graph(&self) -> Result<Graph, Error> {
        let inner = self.lock();
        let mut graph = Graph::clone(&inner.graph);
        for run in inner.runs.values() {
            graph.add_run(run);
        }
        Ok(graph)
    }
}
