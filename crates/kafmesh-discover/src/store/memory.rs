//! The store in memory: what is used without a database, and what a database is compared with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::changes::Changes;
use super::merge::{self, KeptPods};
use super::{Error, KEPT_RUNS, Store, Written};
use crate::mesh::Mesh;
use crate::mesh::graph::Graph;
use crate::mesh::pod::{PodKey, Pods};
use crate::mesh::run::ScrapeRun;

/// Keeps the graph in memory. Clones are the same store.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    pods: KeptPods,
    graph: Arc<Graph>,
    /// By when they started, then by what they are told apart by.
    runs: BTreeMap<(jiff::Timestamp, Arc<str>), ScrapeRun>,
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
        let graph = super::graph_of(&pods, mesh);
        let changes = Changes::between(&inner.graph, &graph);
        let mut written = changes.written();
        for run in &mesh.runs {
            let run_key = (run.started, run.id.clone());
            if inner.runs.len() >= KEPT_RUNS
                && inner
                    .runs
                    .first_key_value()
                    .is_some_and(|(oldest, _)| run_key < *oldest)
            {
                continue;
            }
            written.runs += usize::from(inner.runs.insert(run_key, run.clone()).is_none());
        }
        while inner.runs.len() > KEPT_RUNS {
            inner.runs.pop_first();
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
