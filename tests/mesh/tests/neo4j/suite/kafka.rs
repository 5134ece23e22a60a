//! What is kept of what Kafka says.

use std::sync::Arc;

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::actual::{Actual, ActualGroup, ActualTopic, Lag, Unread};
use kafmesh_discover::mesh::graph::{Graph, Property, group_node, kafka_node, topic_node};
use kafmesh_discover::store::{Store, Written};
use kafmesh_mesh_tests::sample::{answered, at, clicks, mesh, unreachable, users};

use super::{nobody, two_services, without_runs};

on_both_stores!(
    what_kafka_says_is_kept,
    what_kafka_said_stays_while_it_was_not_read,
    what_kafka_said_is_stale_while_it_cannot_be_read,
);

async fn what_kafka_says_is_kept<S: Store>(store: impl Fn() -> S) {
    let store = store();
    let mut actual = kafka();
    let pods = two_services(0).pods;
    let read = |actual: &Actual| {
        let actual = Some(Arc::new(actual.clone()));
        Mesh::new(1, pods.clone(), actual, Vec::new())
    };
    let mesh = read(&actual);
    store.write(&mesh, &nobody()).await.unwrap();
    let graph = store.graph().await.unwrap();
    assert_eq!(graph, *mesh.graph);
    let topic = &graph.nodes[&topic_node("clicks.userId.click")];
    assert_eq!(topic["actualPartitions"], Property::Number(12));
    assert!(graph.nodes.contains_key(&group_node("stranger")));

    // The same again, later.
    actual.at = at(30);
    let written = store.write(&read(&actual), &nobody()).await.unwrap();
    assert_eq!(written, Written::default());
    // An outage is one change, its end another.
    for failing_since in [Some(at(60)), None] {
        actual.failing_since = failing_since;
        let mesh = read(&actual);
        let written = store.write(&mesh, &nobody()).await.unwrap();
        assert_eq!((written.nodes, written.edges), (1, 0));
        assert_eq!(store.graph().await.unwrap(), *mesh.graph);
    }
}

async fn what_kafka_said_stays_while_it_was_not_read<S: Store>(store: impl Fn() -> S) {
    let Mesh { pods, runs, .. } = two_services(0);
    let told = Mesh::new(1, pods, Some(Arc::new(kafka())), runs);
    store().write(&told, &nobody()).await.unwrap();
    assert_ne!(*told.graph, *two_services(0).graph);

    // A restart, or the process that could never read it.
    let unread = Mesh {
        unread: Some(Unread::default()),
        ..two_services(0)
    };
    let written = store().write(&unread, &nobody()).await.unwrap();
    assert_eq!(written, Written::default());
    // What is learned of the pods meanwhile is written all the same.
    let users = unreachable(answered("users-1", 0, &Arc::new(users())), 60);
    let fewer = [answered("clicks-1", 0, &Arc::new(clicks())), users];
    let gone = unread.pods.into_keys().collect();
    let unread = Mesh {
        unread: Some(Unread::default()),
        ..mesh(60, fewer.clone())
    };
    store().write(&unread, &gone).await.unwrap();
    let told = mesh(60, fewer.clone());
    let told = Mesh::new(2, told.pods, Some(Arc::new(kafka())), told.runs);
    let graph = without_runs(store().graph().await.unwrap());
    assert_eq!(graph, *told.graph);

    // Who is told not to ask Kafka knows nothing of it.
    let unasked = mesh(60, fewer);
    store().write(&unasked, &nobody()).await.unwrap();
    let graph = without_runs(store().graph().await.unwrap());
    assert_eq!(graph, *unasked.graph);
}

async fn what_kafka_said_is_stale_while_it_cannot_be_read<S: Store>(store: impl Fn() -> S) {
    let failing = |second| Mesh {
        unread: Some(Unread {
            failing_since: Some(at(second)),
        }),
        ..two_services(0)
    };
    // Nothing is known that could be stale.
    store().write(&failing(0), &nobody()).await.unwrap();
    let graph = without_runs(store().graph().await.unwrap());
    assert_eq!(graph, *two_services(0).graph);

    let Mesh { pods, runs, .. } = two_services(0);
    let read = |actual| Mesh::new(1, pods.clone(), Some(Arc::new(actual)), runs.clone());
    let told = read(kafka());
    store().write(&told, &nobody()).await.unwrap();
    // A restart: the mark is all that changes, and is made once.
    let written = store().write(&failing(60), &nobody()).await.unwrap();
    assert_eq!((written.nodes, written.edges), (1, 0));
    let stale = Actual {
        failing_since: Some(at(60)),
        ..kafka()
    };
    let mut stale = Graph::clone(&read(stale).graph);
    let cluster = stale.nodes.get_mut(&kafka_node()).unwrap();
    assert!(cluster.remove("readAt").is_some(), "nobody here knows it");
    let graph = without_runs(store().graph().await.unwrap());
    assert_eq!(graph, stale);
    let written = store().write(&failing(90), &nobody()).await.unwrap();
    assert_eq!(written, Written::default());

    store().write(&told, &nobody()).await.unwrap();
    let graph = without_runs(store().graph().await.unwrap());
    assert_eq!(graph, *told.graph);
}

/// What Kafka says: of two topics and not of others, of a group of the mesh, and of one that it does not know.
fn kafka() -> Actual {
    let lag = Lag {
        records: 7,
        uncommitted: 1,
        unknown: 2,
    };
    let group = |members| ActualGroup {
        state: "Stable".into(),
        members,
        lag: Some([("clicks.userId.click".to_owned(), lag)].into()),
    };
    let topic = ActualTopic {
        partitions: 12,
        replication: 1,
        end: Some(100),
        with_records: 12,
        unknown: 0,
    };
    Actual {
        at: at(0),
        failing_since: None,
        topics: [("clicks.userId.click".to_owned(), topic)].into(),
        missing_topics: ["users.userId.details".to_owned()].into(),
        missing_groups: [].into(),
        groups: [
            ("clicks.math.totalClicks".to_owned(), group(Some(2))),
            ("stranger".to_owned(), group(None)),
        ]
        .into(),
    }
}
