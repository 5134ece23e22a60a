//! The mesh: what its processes said last, and what follows from it.
//!
//! ```text
//! Scraped ─┐
//!          ├─▶ follow ─▶ Mesh { pods ─▶ catalog ─▶ findings, graph ─▶ index }
//! Actual ──┘
//! ```
//!
//! All that is *known* are the pods and what Kafka says; the [`Catalog`], the [`Graph`] and the
//! [`Index`] are pure functions of it.

pub mod actual;
pub mod catalog;
pub mod description;
pub mod findings;
mod follow;
pub mod graph;
pub mod index;
pub mod key;
pub mod lag;
pub mod pod;
pub mod run;
#[cfg(test)]
mod sample;
pub mod scope;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use follow::follow;

use actual::{Actual, Unread};
use catalog::Catalog;
use findings::{Finding, findings};
use graph::Graph;
use index::Index;
use pod::Pods;
use run::ScrapeRun;
use scope::Scope;

/// The mesh at one moment; never changes.
#[derive(Debug, Clone, Default)]
pub struct Mesh {
    /// Grows by one with every change of anything but the runs, when Kafka was read or that it was not,
    /// and where its topics end.
    pub revision: u64,
    /// Every pod there is, and what it said last.
    pub pods: Pods,
    /// What Kafka says; `None` when it is not asked, or was not reached yet.
    pub actual: Option<Arc<Actual>>,
    /// That Kafka is asked and was not reached yet: what others know of it still holds, or is all there
    /// is while it fails.
    pub unread: Option<Unread>,
    /// The last scrapes, oldest first.
    pub runs: Vec<ScrapeRun>,
    /// Where pods that are not among `pods` are gone.
    pub scope: Scope,
    /// What follows from the pods: services, objects, topics, messages.
    pub catalog: Arc<Catalog>,
    /// What is wrong with it, or is likely to be; the worst first.
    pub findings: Arc<[Finding]>,
    /// The catalog as nodes and edges. Scrape runs are not among them.
    pub graph: Arc<Graph>,
    /// Finds neighbours in the graph.
    pub index: Arc<Index>,
}

impl Mesh {
    /// The mesh that follows from what is known; its scope is empty, and it does not wait for Kafka.
    pub fn new(
        revision: u64,
        pods: Pods,
        actual: Option<Arc<Actual>>,
        runs: Vec<ScrapeRun>,
    ) -> Self {
        let catalog = Arc::new(Catalog::new(&pods));
        Self::of(revision, pods, catalog, actual, runs)
    }

    /// The mesh of the same pods, whose catalog is made already, and of what Kafka says now.
    fn of(
        revision: u64,
        pods: Pods,
        catalog: Arc<Catalog>,
        actual: Option<Arc<Actual>>,
        runs: Vec<ScrapeRun>,
    ) -> Self {
        let findings = findings(&catalog, actual.as_deref());
        let graph = Graph::new(&catalog, &pods, actual.as_deref());
        let index = Index::new(&graph);
        Self {
            revision,
            pods,
            actual,
            unread: None,
            runs,
            scope: Scope::default(),
            catalog,
            findings: findings.into(),
            graph: Arc::new(graph),
            index: Arc::new(index),
        }
    }
}
