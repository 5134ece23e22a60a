//! Measures what a mesh of 1,000 services of three pods each and 10,000 topics costs: deriving its
//! graph and writing it to Neo4j, several times. `KAFMESH_TEST_NEO4J` says where Neo4j is; its
//! database is emptied.
//!
//! ```text
//! cargo run --release -p kafmesh-mesh-tests --bin large-mesh
//! ```

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "it ends with the first error"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::pod::Pods;
use kafmesh_discover::store::Store;
use kafmesh_mesh_tests::neo4j::Database;
use kafmesh_mesh_tests::sample::{large, run};

const SERVICES: usize = 1_000;
const TOPICS: usize = 10_000;

const ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    let mut all = BTreeMap::<_, Vec<_>>::new();
    for _ in 0..ROUNDS {
        for (what, took) in round().await {
            all.entry(what).or_default().push(took);
        }
    }
    println!("medians of {ROUNDS}:");
    for (what, mut took) in all {
        took.sort();
        println!("{what}: {:.2?}", took[ROUNDS / 2]);
    }
}

/// What each step takes, with an empty database.
async fn round() -> Vec<(&'static str, Duration)> {
    let database = Database::alone().await;
    let pods = large(SERVICES, TOPICS, 0);
    let changed = large(SERVICES, TOPICS, SERVICES / 100);
    let begun = Instant::now();
    let first = mesh(&pods, 0);
    let derived = begun.elapsed();
    println!(
        "{} nodes, {} edges",
        first.graph.nodes.len(),
        first.graph.edges.len()
    );
    let (store, restarted) = (database.store(), database.store());
    vec![
        ("derived", derived),
        ("first", write(&store, &first).await),
        ("unchanged", write(&store, &mesh(&pods, 60)).await),
        ("1 % changed", write(&store, &mesh(&changed, 120)).await),
        (
            "unchanged, by a restarted process",
            write(&restarted, &mesh(&changed, 180)).await,
        ),
    ]
}

fn mesh(pods: &Pods, second: i64) -> Mesh {
    let run = run(&format!("run-{second:06}"), second, pods);
    Mesh::new(1, pods.clone(), None, vec![run])
}

async fn write(store: &impl Store, mesh: &Mesh) -> Duration {
    let begun = Instant::now();
    let written = store.write(mesh, &BTreeSet::new()).await.unwrap();
    println!("{written:?}");
    begun.elapsed()
}
