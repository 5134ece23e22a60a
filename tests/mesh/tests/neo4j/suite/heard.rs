//! Whose word counts of a pod that answers, fails, or was not asked.

use std::sync::Arc;
use std::time::Duration;

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::graph::{Label, Property};
use kafmesh_discover::mesh::pod::{Failure, FailureKind, Observed};
use kafmesh_discover::scrape::{Config, Scraped};
use kafmesh_discover::store::{Store, Written};
use kafmesh_mesh_tests::pods::{FakePod, service};
use kafmesh_mesh_tests::sample::{answered, at, clicks, mesh, unreachable, users};
use kafmesh_mesh_tests::scraping::Scraping;

use super::{nobody, two_services, without_runs};

on_both_stores!(
    what_cannot_be_reached_becomes_stale,
    an_unreachable_pod_keeps_the_answer_of_another_replica,
    who_asked_last_is_right,
    a_pod_that_was_not_asked_yet_changes_nothing,
    a_process_that_answers_again_is_current_before_all_are_asked,
    replicas_that_hear_the_same_at_different_times_change_nothing,
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

    // They answer again, and all are asked.
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

async fn a_process_that_answers_again_is_current_before_all_are_asked<S: Store>(
    store: impl Fn() -> S,
) {
    let store = store();
    let write = async |scraped: &Scraped| {
        let (pods, runs) = (scraped.pods.clone(), scraped.runs.clone());
        let mesh = Mesh::new(1, pods, None, runs);
        store.write(&mesh, &nobody()).await.unwrap();
        let graph = without_runs(store.graph().await.unwrap());
        assert_eq!(graph, *mesh.graph);
    };
    let pod = FakePod::serving(service("clicks")).await;
    let address = pod.address();
    let config = || {
        let mut config = Config::new([address.to_string()]);
        // All are asked at the start only.
        config.interval = Duration::from_secs(3600);
        config
    };
    let before = Scraping::start(config()).ready().await;
    write(&before).await;
    drop(pod);

    let scraping = Scraping::resume(config(), before.pods.clone());
    let failing = scraping.ready().await;
    assert!(failing.pods.values().all(|observed| observed.is_stale()));
    write(&failing).await;
    let _pod = FakePod::serving_at(&address, service("clicks")).await;
    let again = scraping
        .until("it answers again", |scraped| {
            scraped.pods.values().all(|observed| !observed.is_stale())
        })
        .await;
    assert_eq!(again.runs, failing.runs);
    write(&again).await;
}

async fn replicas_that_hear_the_same_at_different_times_change_nothing<S: Store>(
    store: impl Fn() -> S,
) {
    let heard = |replica: i64, second: i64| {
        let mut live = answered("clicks-1", 0, &Arc::new(clicks()));
        let mut stale = unreachable(answered("users-1", 0, &Arc::new(users())), 30 + replica);
        for observed in [&mut live, &mut stale] {
            observed.answer.as_mut().unwrap().at = at(replica);
        }
        mesh(second, [live, stale])
    };
    let (one, other) = (store(), store());
    one.write(&heard(0, 60), &nobody()).await.unwrap();
    for minute in 2..4 {
        for (replica, store) in (0..).zip([&one, &other]) {
            let mesh = heard(replica, minute * 60 + replica);
            let written = store.write(&mesh, &nobody()).await.unwrap();
            let only_a_run = Written {
                runs: 1,
                ..Written::default()
            };
            assert_eq!(written, only_a_run, "replica {replica}, minute {minute}");
        }
    }
    let graph = without_runs(one.graph().await.unwrap());
    assert_eq!(graph, *heard(0, 60).graph);
}
