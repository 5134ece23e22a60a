//! Whose word counts of a pod that answers, fails, or was not asked.

use std::sync::Arc;

use kafmesh_discover::mesh::graph::{Label, Property};
use kafmesh_discover::mesh::pod::{Failure, FailureKind, Observed};
use kafmesh_discover::store::{Store, Written};
use kafmesh_mesh_tests::sample::{answered, at, clicks, mesh, unreachable, users};

use super::{nobody, two_services, without_runs};

on_both_stores!(
    what_cannot_be_reached_becomes_stale,
    an_unreachable_pod_keeps_the_answer_of_another_replica,
    who_asked_last_is_right,
    a_pod_that_was_not_asked_yet_changes_nothing,
);

async fn what_cannot_be_reached_becomes_stale<S: Store>(store: impl Fn() -> S) {
    let store = store();
    store.write(&two_services(0), &nobody()).await.unwrap();
    let now = mesh(
        60,
        [
            unreachable(answered("clicks-1", 0, &Arc::new(clicks())), 60),
            unreachable(answered("clicks-2", 0, &Arc::new(clicks())), 60),
            answered("users-1", 0, &Arc::new(users())),
        ],
    );
    let written = store.write(&now, &nobody()).await.unwrap();
    assert_eq!((written.removed_nodes, written.removed_edges), (0, 0));
    let graph = without_runs(store.graph().await.unwrap());
    assert_eq!(graph, *now.graph);
    let stale = |label| {
        let of_label = graph
            .nodes
            .iter()
            .filter(move |(node, _)| node.label == label);
        of_label
            .filter(|(_, properties)| properties["stale"] == Property::Flag(true))
            .map(|(node, _)| node.key.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(stale(Label::Pod), ["shop/clicks-1", "shop/clicks-2"]);
    assert_eq!(stale(Label::Service), ["clicks"]);
    assert_eq!(stale(Label::Sink), ["clicks/math/sink/warehouse"]);
    // What live pods report besides is not stale.
    assert!(!stale(Label::Topic).contains(&"users.userId.details".to_owned()));
    assert!(stale(Label::Topic).contains(&"clicks.userId.click".to_owned()));

    // They answer again.
    store.write(&two_services(120), &nobody()).await.unwrap();
    let graph = without_runs(store.graph().await.unwrap());
    assert_eq!(graph, *two_services(120).graph);
}

async fn an_unreachable_pod_keeps_the_answer_of_another_replica<S: Store>(store: impl Fn() -> S) {
    store().write(&two_services(0), &nobody()).await.unwrap();
    // A process that has just started, could load nothing, and reaches none of them.
    let blind = two_services(0).pods.into_values().map(|observed| {
        let mut observed = unreachable(Observed::clone(&observed), 100);
        observed.answer = None;
        observed
    });
    let blind = mesh(100, blind);
    let written = store().write(&blind, &nobody()).await.unwrap();
    assert_eq!((written.removed_nodes, written.removed_edges), (0, 0));
    let stale = two_services(0)
        .pods
        .into_values()
        .map(|observed| unreachable(Observed::clone(&observed), 100));
    let graph = without_runs(store().graph().await.unwrap());
    assert_eq!(graph, *mesh(100, stale).graph);
}

async fn who_asked_last_is_right<S: Store>(store: impl Fn() -> S) {
    let mut newer = clicks();
    newer.description = "Counts taps, too".into();
    let now = mesh(100, [answered("clicks-1", 100, &Arc::new(newer))]);
    store().write(&now, &nobody()).await.unwrap();
    // Another replica has not asked since, or could not reach the pod before.
    let was = answered("clicks-1", 0, &Arc::new(clicks()));
    for late in [was.clone(), unreachable(was, 50)] {
        store().write(&mesh(50, [late]), &nobody()).await.unwrap();
        let graph = without_runs(store().graph().await.unwrap());
        assert_eq!(graph, *now.graph);
    }
}

async fn a_pod_that_was_not_asked_yet_changes_nothing<S: Store>(store: impl Fn() -> S) {
    store().write(&two_services(0), &nobody()).await.unwrap();
    let loaded = store()
        .load()
        .await
        .unwrap()
        .into_values()
        .map(|observed| Observed {
            failure: Some(Failure {
                since: at(1000),
                kind: FailureKind::NotAsked,
                message: "known from an earlier run".into(),
            }),
            ..Observed::clone(&observed)
        });
    let mut mesh = mesh(1000, loaded);
    mesh.runs.clear();
    let written = store().write(&mesh, &nobody()).await.unwrap();
    assert_eq!(written, Written::default());
}
