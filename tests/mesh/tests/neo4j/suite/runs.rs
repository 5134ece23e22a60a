//! The scrape runs that are kept.

use std::sync::Arc;

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::graph::Label;
use kafmesh_discover::mesh::pod::{Observed, PodKey};
use kafmesh_discover::store::{KEPT_RUNS, Store};
use kafmesh_mesh_tests::sample::{run, unreachable};

use super::{nobody, two_services, without_runs};

on_both_stores!(the_last_runs_are_kept, replicas_write_each_others_runs_once,);

async fn the_last_runs_are_kept<S: Store>(store: impl Fn() -> S) {
    let store = store();
    let mut mesh = two_services(0);
    for second in 1..=KEPT_RUNS as i64 + 20 {
        let run = run(&format!("run-{second:06}"), second, &mesh.pods);
        mesh.runs.push(run);
        if second % 10 == 0 {
            store.write(&mesh, &nobody()).await.unwrap();
        }
    }
    let graph = store.graph().await.unwrap();
    let runs = graph
        .nodes
        .keys()
        .filter(|node| node.label == Label::ScrapeRun);
    let runs: Vec<&str> = runs.map(|node| &*node.key).collect();
    assert_eq!(runs.len(), KEPT_RUNS);
    assert_eq!(runs[0], "run-000021");
    assert_eq!(without_runs(graph), *mesh.graph);
}

async fn replicas_write_each_others_runs_once<S: Store>(store: impl Fn() -> S) {
    let pods = two_services(0).pods;
    let runs = |replica: &str, from: i64| {
        let seconds = from..from + KEPT_RUNS as i64;
        let runs = seconds.map(|second| run(&format!("{second:06}/{replica}"), second, &pods));
        runs.collect::<Vec<_>>()
    };
    let mut meshes = [("one", 0), ("other", 50)].map(|(replica, from)| {
        let mut mesh = two_services(0);
        mesh.runs = runs(replica, from);
        (store(), mesh)
    });
    let mut written = Vec::new();
    for (store, mesh) in &meshes {
        written.push(store.write(mesh, &nobody()).await.unwrap().runs);
    }
    // Of the other's, those that are older than the hundred last ones are not written.
    assert_eq!(written, [KEPT_RUNS, 75]);
    for round in 0..4_i64 {
        for (replica, (store, mesh)) in meshes.iter_mut().enumerate() {
            // Each time something changes that makes the other one read everything anew.
            let second = 1000 + round * 10 + replica as i64;
            let mut pods = two_services(0).pods;
            if replica == 0 {
                let key = PodKey::new("shop", "users-1");
                let observed = Observed::clone(&pods[&key]);
                pods.insert(key, Arc::new(unreachable(observed, second)));
            }
            let id = format!("{second:06}/{replica}");
            mesh.runs.push(run(&id, second, &pods));
            mesh.runs.remove(0);
            *mesh = Mesh::new(2, pods, None, mesh.runs.clone());
            let written = store.write(mesh, &nobody()).await.unwrap();
            assert_eq!(written.runs, 1, "{second}");
        }
    }
    let (last, _) = &meshes[1];
    let graph = last.graph().await.unwrap();
    let kept = graph.nodes.keys();
    let kept = kept.filter(|node| node.label == Label::ScrapeRun);
    assert_eq!(kept.count(), KEPT_RUNS);
    let observed = graph.edges.keys();
    let observed = observed.filter(|edge| edge.from.label == Label::ScrapeRun);
    // Each was answered by three pods, four of the last by two.
    assert_eq!(observed.count(), 3 * KEPT_RUNS - 4);
}
