//! Measures what a mesh of 1,000 services and 10,000 topics costs: deriving its graph, writing it to
//! Neo4j, memory. `KAFMESH_TEST_NEO4J` says where Neo4j is; its database is emptied.
//!
//! ```text
//! cargo run --release -p kafmesh-mesh-tests --bin large-mesh
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "it ends with the first error"
)]

use std::collections::BTreeSet;
use std::time::Instant;

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::pod::Pods;
use kafmesh_discover::store::Store;
use kafmesh_mesh_tests::neo4j::Database;
use kafmesh_mesh_tests::sample::{large, run};

const SERVICES: usize = 1_000;
const TOPICS: usize = 10_000;

#[tokio::main]
async fn main() {
    let database = Database::alone().await;
    let pods = large(SERVICES, TOPICS, 0);
    let before = memory();
    let begun = Instant::now();
    let first = mesh(&pods, 0);
    println!(
        "derive: {:?}; {} nodes, {} edges; {} MiB",
        begun.elapsed(),
        first.graph.nodes.len(),
        first.graph.edges.len(),
        memory() - before
    );
    let store = database.store();
    write("first", &store, &first).await;
    write("unchanged", &store, &mesh(&pods, 60)).await;
    let changed = large(SERVICES, TOPICS, SERVICES / 100);
    write("1 % changed", &store, &mesh(&changed, 120)).await;
    let restarted = database.store();
    write(
        "unchanged, by a restarted process",
        &restarted,
        &mesh(&changed, 180),
    )
    .await;
    println!("memory: {} MiB", memory());
}

fn mesh(pods: &Pods, second: i64) -> Mesh {
    let run = run(&format!("run-{second:06}"), second, pods);
    Mesh::new(1, pods.clone(), None, vec![run])
}

async fn write(what: &str, store: &impl Store, mesh: &Mesh) {
    let begun = Instant::now();
    let written = store.write(mesh, &BTreeSet::new()).await.unwrap();
    println!("{what}: {:?}; {written:?}", begun.elapsed());
}

/// The resident memory of this process, in MiB.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4 / 1024
}
