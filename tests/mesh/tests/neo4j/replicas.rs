//! Several processes that write to one database at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::graph::Label;
use kafmesh_discover::mesh::pod::{Observed, PodKey};
use kafmesh_discover::store::Store;
use kafmesh_mesh_tests::neo4j::Database;
use kafmesh_mesh_tests::sample::{answered, clicks, mesh, unreachable, users};

use crate::suite::without_runs;

/// The pods that a replica sees: the first ones are seen by all, the last one by it alone.
fn all() -> Vec<Observed> {
    let (clicks, users) = (Arc::new(clicks()), Arc::new(users()));
    (0..8)
        .map(|n| {
            let description = if n % 2 == 0 { &clicks } else { &users };
            answered(&format!("pod-{n}"), 0, description)
        })
        .collect()
}

/// Three replicas that see other pods in every round, each in a task of its own.
async fn disagree<S: Store>(store: impl Fn() -> S) {
    let mut replicas = Vec::new();
    for replica in 0..3_i64 {
        let store = store();
        replicas.push(tokio::spawn(async move {
            let mut known: BTreeSet<PodKey> = BTreeSet::new();
            for round in 0..15_i64 {
                // Each finds and loses other pods, and reaches others, in every round.
                let seen = all()
                    .into_iter()
                    .enumerate()
                    .filter(|(n, _)| (*n as i64 * 7 + round * 3 + replica * 5) % 4 != 0);
                let second = 100 + round * 10 + replica;
                let seen = seen.map(|(n, observed)| {
                    if (n as i64 + round + replica) % 3 == 0 {
                        unreachable(observed, second)
                    } else {
                        observed
                    }
                });
                let mesh = mesh(second, seen);
                known.extend(mesh.pods.keys().cloned());
                store.write(&mesh, &known).await.unwrap();
                known = mesh.pods.keys().cloned().collect();
            }
            (store, known)
        }));
    }
    let mut stores = Vec::new();
    for replica in replicas {
        stores.push(replica.await.unwrap());
    }
    // Whoever was the last: the graph is that of the pods, and nothing else.
    for (store, _) in &stores {
        let pods = store.load().await.unwrap();
        assert!(!pods.is_empty());
        let graph = store.graph().await.unwrap();
        let runs = graph.nodes.keys();
        let runs = runs.filter(|node| node.label == Label::ScrapeRun);
        assert_eq!(runs.count(), 3 * 15);
        let follows = Mesh::new(0, pods, None, Vec::new());
        assert_eq!(without_runs(graph), *follows.graph);
    }
    // Now they agree.
    let end: Mesh = mesh(10_000, all());
    for (store, known) in &stores {
        store.write(&end, known).await.unwrap();
    }
    let graph = without_runs(stores[0].0.graph().await.unwrap());
    assert_eq!(graph, *end.graph);
    for (store, _) in &stores {
        let written = store.write(&end, &BTreeSet::new()).await.unwrap();
        assert_eq!(written, Default::default());
    }
}

/// Two replicas that look at other namespaces.
async fn share<S: Store>(store: impl Fn() -> S) {
    let (one, other) = (store(), store());
    let (first, second): (Vec<_>, Vec<_>) = (all()[..4].to_vec(), all()[4..].to_vec());
    let (first, second) = (mesh(0, first), mesh(1, second));
    let known = |mesh: &Mesh| mesh.pods.keys().cloned().collect::<BTreeSet<_>>();
    for _ in 0..3 {
        one.write(&first, &known(&first)).await.unwrap();
        other.write(&second, &known(&second)).await.unwrap();
    }
    let graph = without_runs(one.graph().await.unwrap());
    assert_eq!(graph, *mesh(0, all()).graph);
    one.write(&mesh(60, []), &known(&first)).await.unwrap();
    let graph = without_runs(one.graph().await.unwrap());
    assert_eq!(graph, *second.graph);
}

/// Answers that are kept although no pod gives them.
async fn orphans(database: &Database) -> i64 {
    let orphans = "MATCH (r:KafmeshReport) \
                   WHERE NOT EXISTS { MATCH (:Pod {report: r.kafmeshKey}) } \
                   RETURN count(r) AS number";
    database.number(orphans).await
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_disagree_do_no_damage_and_converge() {
    let database = Database::alone().await;
    disagree(|| database.store()).await;
    assert_eq!(orphans(&database).await, 0);
}

#[tokio::test]
async fn replicas_of_different_namespaces_share_a_graph() {
    let database = Database::alone().await;
    share(|| database.store()).await;
    assert_eq!(orphans(&database).await, 0);
}

mod in_memory {
    use kafmesh_discover::store::Memory;

    #[tokio::test(flavor = "multi_thread")]
    async fn replicas_that_disagree_do_no_damage_and_converge() {
        let store = Memory::default();
        super::disagree(|| store.clone()).await;
    }

    #[tokio::test]
    async fn replicas_of_different_namespaces_share_a_graph() {
        let store = Memory::default();
        super::share(|| store.clone()).await;
    }
}
