//! What every store does. Each call of `store` gives a replica's access to the same data.

mod gone;
mod heard;
mod kafka;
mod runs;
pub(crate) mod written;

use std::collections::BTreeSet;
use std::sync::Arc;

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::graph::{Graph, Label};
use kafmesh_discover::mesh::pod::PodKey;
use kafmesh_mesh_tests::sample::{answered, clicks, mesh, users};

fn nobody() -> BTreeSet<PodKey> {
    BTreeSet::new()
}

/// A graph without scrape runs.
pub(crate) fn without_runs(mut graph: Graph) -> Graph {
    graph.nodes.retain(|node, _| node.label != Label::ScrapeRun);
    graph
        .edges
        .retain(|edge, _| edge.from.label != Label::ScrapeRun);
    graph
}

/// What the store should hold after `mesh` was written by the only replica.
pub(crate) fn expected(mesh: &Mesh) -> Graph {
    let mut graph = Graph::clone(&mesh.graph);
    for run in &mesh.runs {
        graph.add_run(run);
    }
    graph
}

fn two_services(second: i64) -> Mesh {
    let (clicks, users) = (Arc::new(clicks()), Arc::new(users()));
    mesh(
        second,
        [
            answered("clicks-1", 0, &clicks),
            answered("clicks-2", 0, &clicks),
            answered("users-1", 0, &users),
        ],
    )
}
