//! Connections that break, at any time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::graph::{Graph, Label};
use kafmesh_discover::mesh::pod::Pods;
use kafmesh_discover::status::{Part, Status, Statuses};
use kafmesh_discover::store::{Neo4j, Store, follow};
use kafmesh_mesh_tests::neo4j::Database;
use kafmesh_mesh_tests::proxy::Proxy;
use kafmesh_mesh_tests::sample::{answered, clicks, mesh, users};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::suite::without_runs;

async fn behind_a_proxy(database: &Database) -> (Proxy, Neo4j) {
    let mut settings = database.settings();
    let server = settings.uri.trim_start_matches("bolt://");
    let proxy = Proxy::start(server.parse().unwrap()).await;
    settings.uri = format!("bolt://{}", proxy.address());
    (proxy, Neo4j::new(settings))
}

fn before(second: i64) -> Mesh {
    mesh(second, [answered("clicks-1", 0, &Arc::new(clicks()))])
}

fn after(second: i64) -> Mesh {
    mesh(
        second,
        [
            answered("clicks-2", 60, &Arc::new(clicks())),
            answered("users-1", 60, &Arc::new(users())),
        ],
    )
}

/// What a store holds: what the next process loads, the graph, and the scrape runs.
async fn held(store: &Neo4j) -> (Pods, Graph, BTreeSet<String>) {
    let graph = store.graph().await.unwrap();
    let runs = graph.nodes.keys();
    let runs = runs.filter(|node| node.label == Label::ScrapeRun);
    let runs = runs.map(|node| node.key.to_string()).collect();
    (store.load().await.unwrap(), without_runs(graph), runs)
}

/// Writes a change again and again over a connection that `breaks`, each time some pieces later, until
/// it goes through: the store has the change then, or it has not, and has it after the next write.
/// Returns how often the change was there although the write had failed, and how often it was not.
async fn broken_anywhere(breaks: fn(&Proxy, usize)) -> (usize, usize) {
    let database = Database::alone().await;
    let direct = database.store();
    let (proxy, store) = behind_a_proxy(&database).await;
    let all = before(0).pods.into_keys().chain(after(0).pods.into_keys());
    let all: BTreeSet<_> = all.collect();
    let (mut there, mut not_there) = (0, 0);
    for pieces in 0.. {
        let (before, after) = (before(pieces * 100), after(pieces * 100 + 60));
        direct.write(&before, &all).await.unwrap();
        proxy.restore();
        // So that the connection is there, and what is known is as it was.
        store.write(&before, &all).await.unwrap();
        let (_, _, runs) = held(&direct).await;
        let mut more_runs = runs.clone();
        more_runs.insert(after.runs[0].id.to_string());
        let changed = (after.pods.clone(), Graph::clone(&after.graph), more_runs);

        breaks(&proxy, pieces as usize);
        let written = store.write(&after, &all).await;
        let now = held(&direct).await;
        if written.is_ok() {
            assert!(now == changed);
            break;
        }
        if now == changed {
            there += 1;
        } else {
            not_there += 1;
            let unchanged = (before.pods.clone(), Graph::clone(&before.graph), runs);
            assert!(
                now == unchanged,
                "broken after {pieces} pieces, something in between is there"
            );
        }
        proxy.restore();
        store.write(&after, &all).await.unwrap();
        assert!(
            held(&direct).await == changed,
            "after it was broken at {pieces}"
        );
    }
    (there, not_there)
}

#[tokio::test]
async fn a_write_that_is_cut_anywhere_leaves_all_or_nothing() {
    let (_, not_there) = broken_anywhere(Proxy::cut_after).await;
    assert!(not_there > 5, "{not_there} cuts only");
}

#[tokio::test]
async fn a_write_whose_answers_are_lost_anywhere_leaves_all_or_nothing() {
    let (there, not_there) = broken_anywhere(Proxy::mute_after).await;
    assert!(
        not_there > 5,
        "{not_there} answers were lost before the commit only"
    );
    assert!(there > 0, "the answer to the commit was never lost");
}

/// A store that follows what is published, `before(0)` at first.
struct Following {
    published: watch::Sender<Arc<Mesh>>,
    statuses: Statuses,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Following {
    fn start(store: Neo4j) -> Self {
        let statuses = Statuses::new([Part::Neo4j]);
        let stop = CancellationToken::new();
        let (published, meshes) = watch::channel(Arc::new(before(0)));
        let task = tokio::spawn(follow(store, meshes, statuses.clone(), stop.clone()));
        Self {
            published,
            statuses,
            stop,
            task,
        }
    }

    fn publish(&self, mesh: Mesh) {
        self.published.send_replace(Arc::new(mesh));
    }

    async fn until_it_works(&self) {
        self.until(|status| matches!(status, Status::Working)).await;
    }

    async fn until_it_fails(&self) {
        self.until(|status| matches!(status, Status::Failing { .. }))
            .await;
    }

    async fn until(&self, wanted: impl Fn(&Status) -> bool) {
        while !wanted(&self.statuses.get(Part::Neo4j).unwrap()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Publishes nothing more, and waits for its end.
    async fn end(self) {
        drop(self.published);
        self.task.await.unwrap();
    }
}

#[tokio::test]
async fn an_outage_is_told_and_the_graph_catches_up() {
    let database = Database::alone().await;
    let (proxy, store) = behind_a_proxy(&database).await;
    let following = Following::start(store);
    following.until_it_works().await;

    proxy.cut();
    // Publishing does not wait for the store.
    for second in 1..20 {
        following.publish(mesh(second, []));
    }
    following.until_it_fails().await;
    following.publish(after(60));
    proxy.restore();
    following.until_it_works().await;
    let direct = database.store();
    while without_runs(direct.graph().await.unwrap()) != *after(60).graph {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    // What is published last, after the stop has begun, is written before the end.
    following.stop.cancel();
    tokio::task::yield_now().await;
    following.publish(before(120));
    following.end().await;
    let graph = without_runs(direct.graph().await.unwrap());
    assert_eq!(graph, *before(120).graph);
}

#[tokio::test]
async fn what_is_published_last_is_tried_once_where_neo4j_is_away() {
    let database = Database::alone().await;
    let (proxy, store) = behind_a_proxy(&database).await;
    proxy.cut();
    let following = Following::start(store);
    following.until_it_fails().await;
    following.stop.cancel();
    // It came back in the meantime.
    proxy.restore();
    following.publish(after(60));
    following.end().await;
    let graph = without_runs(database.store().graph().await.unwrap());
    assert_eq!(graph, *after(60).graph);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_neo4j_to_come_back() {
    let database = Database::alone().await;
    let (proxy, store) = behind_a_proxy(&database).await;
    proxy.cut();
    let following = Following::start(store);
    following.stop.cancel();
    let statuses = following.statuses.clone();
    following.end().await;
    let status = statuses.get(Part::Neo4j);
    assert!(matches!(status, Some(Status::Failing { .. })), "{status:?}");
}
