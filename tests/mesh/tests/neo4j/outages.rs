//! Connections that break, at any time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::status::{Part, Status, Statuses};
use kafmesh_discover::store::{Neo4j, Store, follow};
use kafmesh_mesh_tests::neo4j::Database;
use kafmesh_mesh_tests::proxy::Proxy;
use kafmesh_mesh_tests::sample::{answered, clicks, mesh, users};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::suite::without_runs;

async fn behind_a_proxy(database: &Database) -> (Proxy, Neo4j) {
    let mut settings = database.settings();
    let server = settings.uri.trim_start_matches("bolt://");
    let proxy = Proxy::start(server.parse().unwrap()).await;
    settings.uri = format!("bolt://{}", proxy.address());
    (proxy, Neo4j::new(settings))
}

fn before() -> Mesh {
    mesh(0, [answered("clicks-1", 0, &Arc::new(clicks()))])
}

fn after() -> Mesh {
    mesh(
        60,
        [
            answered("clicks-2", 60, &Arc::new(clicks())),
            answered("users-1", 60, &Arc::new(users())),
        ],
    )
}

#[tokio::test]
async fn a_write_that_is_cut_anywhere_leaves_all_or_nothing() {
    let database = Database::alone().await;
    let direct = database.store();
    let gone: BTreeSet<_> = before().pods.into_keys().collect();
    let (proxy, store) = behind_a_proxy(&database).await;
    let mut cut = 0;
    for pieces in 0.. {
        let all: BTreeSet<_> = after().pods.into_keys().collect();
        direct.write(&before(), &all).await.unwrap();
        proxy.restore();
        // So that the connection is there, and what is known is as it was.
        store.write(&before(), &all).await.unwrap();
        proxy.cut_after(pieces);
        let written = store.write(&after(), &gone).await;
        let graph = without_runs(direct.graph().await.unwrap());
        if written.is_ok() {
            assert_eq!(graph, *after().graph);
            break;
        }
        cut += 1;
        assert!(
            graph == *before().graph || graph == *after().graph,
            "cut after {pieces} chunks, something in between is there"
        );
        proxy.restore();
        store.write(&after(), &gone).await.unwrap();
        let graph = without_runs(direct.graph().await.unwrap());
        assert_eq!(graph, *after().graph, "after a cut at {pieces}");
    }
    assert!(cut > 5, "{cut} cuts only");
}

#[tokio::test]
async fn an_outage_is_told_and_the_graph_catches_up() {
    let database = Database::alone().await;
    let (proxy, store) = behind_a_proxy(&database).await;
    let statuses = Statuses::new([Part::Neo4j]);
    let stop = CancellationToken::new();
    let (sender, receiver) = watch::channel(Arc::new(before()));
    let following = tokio::spawn(follow(store, receiver, statuses.clone(), stop.clone()));
    let until = async |wanted: fn(&Status) -> bool| {
        while !wanted(&statuses.get(Part::Neo4j).unwrap()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    until(|status| matches!(status, Status::Working)).await;

    proxy.cut();
    // Sending does not wait for the store.
    for second in 1..20 {
        sender.send_replace(Arc::new(mesh(second, [])));
    }
    until(|status| matches!(status, Status::Failing { .. })).await;
    sender.send_replace(Arc::new(after()));
    proxy.restore();
    until(|status| matches!(status, Status::Working)).await;
    let direct = database.store();
    while without_runs(direct.graph().await.unwrap()) != *after().graph {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    // The newest is written before the end.
    sender.send_replace(Arc::new(before()));
    stop.cancel();
    following.await.unwrap();
    let graph = without_runs(direct.graph().await.unwrap());
    assert_eq!(graph, *before().graph);
}
