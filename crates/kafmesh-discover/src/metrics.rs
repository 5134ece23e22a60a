//! What Prometheus is told: each part's counters, the mesh's sizes, requests.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::watch;

use crate::mesh::Mesh;
use crate::mesh::graph::{Graph, Label};
use crate::mesh::pod::{PodKey, Pods};
use crate::status::{Part, Status, Statuses};
use crate::store::{self, Store, Written};

/// What the names of all metrics begin with.
const PREFIX: &str = "kafmesh_discover";

/// A registry that says which version this is.
pub(crate) fn registry() -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    registry.register(
        "build",
        "The version that runs",
        Info::new([("version", env!("CARGO_PKG_VERSION"))]),
    );
    registry
}

/// The text that Prometheus reads.
pub(crate) fn text(registry: &Registry) -> String {
    let mut text = String::new();
    // Writing to a `String` does not fail, and encoders of metrics do nothing else.
    if let Err(error) = prometheus_client::encoding::text::encode(&mut text, registry) {
        tracing::error!("metrics cannot be written: {error}");
    }
    text
}

/// Tells how large the newest mesh is.
#[derive(Debug)]
pub(crate) struct Sizes(pub watch::Receiver<Arc<Mesh>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLabel {
    label: &'static str,
}

impl Collector for Sizes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mesh = self.0.borrow().clone();
        let mut nodes = vec![0_i64; Label::ALL.len()];
        for key in mesh.graph.nodes.keys() {
            if let Some(index) = Label::ALL.iter().position(|label| *label == key.label) {
                nodes[index] += 1;
            }
        }
        let help = "Nodes of the mesh's graph, by label";
        let kind = prometheus_client::metrics::MetricType::Gauge;
        let mut family = encoder.encode_descriptor("mesh_nodes", help, None, kind)?;
        for (label, count) in Label::ALL.iter().zip(nodes) {
            let name = label.name();
            ConstGauge::new(count).encode(family.encode_family(&OfLabel { label: name })?)?;
        }
        gauge(
            &mut encoder,
            "mesh_edges",
            "Edges of the mesh's graph",
            i64::try_from(mesh.graph.edges.len()).unwrap_or(i64::MAX),
        )?;
        gauge(
            &mut encoder,
            "mesh_revision",
            "Changes of the mesh since this process started",
            i64::try_from(mesh.revision).unwrap_or(i64::MAX),
        )
    }
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: i64,
) -> Result<(), fmt::Error> {
    let gauge = ConstGauge::new(value);
    let encoder = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
    gauge.encode(encoder)
}

/// Tells which parts work.
#[derive(Debug)]
pub(crate) struct Parts(pub Statuses);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfPart {
    part: &'static str,
}

impl Collector for Parts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "1 for each part in use that works, 0 for one that waits or fails";
        let kind = prometheus_client::metrics::MetricType::Gauge;
        let mut family = encoder.encode_descriptor("healthy", help, None, kind)?;
        for part in Part::ALL {
            if let Some(status) = self.0.get(part) {
                let part = OfPart { part: part.name() };
                let works = i64::from(status == Status::Working);
                ConstGauge::new(works).encode(family.encode_family(&part)?)?;
            }
        }
        Ok(())
    }
}

/// Counts the requests to the HTTP port. Clones count the same.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    answered: Family<OfRoute, Counter>,
    duration: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    path: String,
    status: u16,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            answered: Family::default(),
            // A snapshot answers in milliseconds; exports of a large mesh take longer.
            duration: Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0]),
        }
    }
}

impl Requests {
    /// Adds them to `registry`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "requests",
            "Answered requests, by the path's pattern and the status",
            self.answered.clone(),
        );
        registry.register_with_unit(
            "request_duration",
            "Time until an answer began",
            Unit::Seconds,
            self.duration.clone(),
        );
    }

    /// Lets a request through and counts it.
    pub(crate) async fn count(self, request: Request, next: Next) -> Response {
        let started = Instant::now();
        // Patterns are few; paths are whatever clients send.
        let path = match request.extensions().get::<MatchedPath>() {
            Some(path) => path.as_str().to_owned(),
            None => String::new(),
        };
        let response = next.run(request).await;
        let status = response.status().as_u16();
        self.answered.get_or_create(&OfRoute { path, status }).inc();
        self.duration.observe(started.elapsed().as_secs_f64());
        response
    }
}

/// Counts what is written to the store. Clones count the same.
#[derive(Debug, Clone)]
pub(crate) struct Writes {
    written: Counter,
    failed: Counter,
    duration: Histogram,
}

impl Default for Writes {
    fn default() -> Self {
        Self {
            written: Counter::default(),
            failed: Counter::default(),
            // An unchanged mesh takes milliseconds, the first write of a large one seconds.
            duration: Histogram::new([0.01, 0.05, 0.2, 1.0, 2.0, 5.0, 15.0, 60.0]),
        }
    }
}

impl Writes {
    /// Adds them to `registry`.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "neo4j_writes",
            "Times that the graph was written to Neo4j",
            self.written.clone(),
        );
        registry.register(
            "neo4j_write_failures",
            "Times that the graph could not be written to Neo4j",
            self.failed.clone(),
        );
        registry.register_with_unit(
            "neo4j_write_duration",
            "Time of a write to Neo4j, failed ones included",
            Unit::Seconds,
            self.duration.clone(),
        );
    }
}

/// A store whose writes are counted.
#[derive(Debug)]
pub(crate) struct Counted<S>(pub(crate) S, pub(crate) Writes);

impl<S: Store> Store for Counted<S> {
    async fn load(&self) -> Result<Pods, store::Error> {
        self.0.load().await
    }

    async fn write(&self, mesh: &Mesh, gone: &BTreeSet<PodKey>) -> Result<Written, store::Error> {
        let started = Instant::now();
        let written = self.0.write(mesh, gone).await;
        self.1.duration.observe(started.elapsed().as_secs_f64());
        match written {
            Ok(_) => self.1.written.inc(),
            Err(_) => self.1.failed.inc(),
        };
        written
    }

    async fn graph(&self) -> Result<Graph, store::Error> {
        self.0.graph().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_parts_are_told_as_they_are_now() {
        let (mesh, receiver) = watch::channel(Arc::new(Mesh::default()));
        let statuses = Statuses::new([Part::Scrape, Part::Kafka]);
        let mut registry = registry();
        registry.register_collector(Box::new(Sizes(receiver)));
        registry.register_collector(Box::new(Parts(statuses.clone())));

        mesh.send_replace(Arc::new(Mesh {
            revision: 7,
            ..Mesh::default()
        }));
        statuses.working(Part::Kafka);
        let text = text(&registry);
        for line in [
            "kafmesh_discover_mesh_revision 7",
            "kafmesh_discover_mesh_edges 0",
            "kafmesh_discover_mesh_nodes{label=\"Topic\"} 0",
            "kafmesh_discover_healthy{part=\"scrape\"} 0",
            "kafmesh_discover_healthy{part=\"kafka\"} 1",
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(!text.contains("neo4j"), "it is not in use: {text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
