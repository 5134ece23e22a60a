//! What goes from the store, and when.

use std::sync::Arc;

use kafmesh_discover::mesh::pod::PodKey;
use kafmesh_discover::store::Store;
use kafmesh_mesh_tests::sample::{answered, at, clicks, mesh, unreachable};

use super::{nobody, two_services, without_runs};

on_both_stores!(
    a_pod_that_is_gone_goes,
    what_vanished_unseen_goes_from_the_scope,
    a_target_that_nobody_asks_any_more_goes_after_a_day,
);

async fn a_pod_that_is_gone_goes<S: Store>(store: impl Fn() -> S) {
    let store = store();
    store.write(&two_services(0), &nobody()).await.unwrap();
    let now = mesh(60, [answered("clicks-1", 0, &Arc::new(clicks()))]);
    // Who never knew the other pods leaves them alone.
    store.write(&now, &nobody()).await.unwrap();
    let graph = without_runs(store.graph().await.unwrap());
    assert_eq!(graph, *two_services(0).graph);
    // Who knew them, and finds them no longer, removes them and what only they reported.
    let gone = two_services(0).pods.into_keys().collect();
    store.write(&now, &gone).await.unwrap();
    let graph = without_runs(store.graph().await.unwrap());
    assert_eq!(graph, *now.graph);
}

async fn what_vanished_unseen_goes_from_the_scope<S: Store>(store: impl Fn() -> S) {
    let clicks = Arc::new(clicks());
    let of = |name: &str, namespace: &str| {
        let mut observed = answered(name, 0, &clicks);
        observed.pod.key = PodKey::new(namespace, name);
        observed.pod.namespace = Some(namespace.to_owned());
        observed
    };
    let before = [
        of("stays", "shop"),
        of("goes", "shop"),
        of("elsewhere", "warehouse"),
        of("later", "shop"),
    ];
    store().write(&mesh(0, before), &nobody()).await.unwrap();
    // Another replica learns something new of a pod after this one has listed them.
    let later = unreachable(of("later", "shop"), 50);
    let others = mesh(50, [later.clone()]);
    store().write(&others, &nobody()).await.unwrap();

    // A process that could not load what is there.
    let mut now = mesh(60, [of("stays", "shop")]);
    let names = async || {
        let pods = store().load().await.unwrap();
        pods.into_keys()
            .map(|key| key.to_string())
            .collect::<Vec<_>>()
    };
    let all = [
        "shop/goes",
        "shop/later",
        "shop/stays",
        "warehouse/elsewhere",
    ];
    store().write(&now, &nobody()).await.unwrap();
    assert_eq!(names().await, all, "nothing is known to be listed");
    now.scope.listed(Some("other".to_owned()), at(40));
    store().write(&now, &nobody()).await.unwrap();
    assert_eq!(names().await, all, "another namespace is listed");
    now.scope.listed(Some("shop".to_owned()), at(40));
    store().write(&now, &nobody()).await.unwrap();
    assert_eq!(
        names().await,
        ["shop/later", "shop/stays", "warehouse/elsewhere"]
    );
    let rest = mesh(
        60,
        [of("stays", "shop"), of("elsewhere", "warehouse"), later],
    );
    let graph = without_runs(store().graph().await.unwrap());
    assert_eq!(graph, *rest.graph);

    now.scope.listed(None, at(55));
    store().write(&now, &nobody()).await.unwrap();
    assert_eq!(names().await, ["shop/stays"]);
}

async fn a_target_that_nobody_asks_any_more_goes_after_a_day<S: Store>(store: impl Fn() -> S) {
    const HOUR: i64 = 3600;
    let target = |address: &str| {
        let mut observed = answered(address, 0, &Arc::new(clicks()));
        observed.pod.key = PodKey::of_target(address);
        observed.pod.namespace = None;
        observed.pod.uid = None;
        observed
    };
    let (kept, dropped) = (target("kept:1"), target("dropped:1"));
    let targets = async || {
        let pods = store().load().await.unwrap();
        pods.into_keys()
            .map(|key| key.to_string())
            .collect::<Vec<_>>()
    };
    let both = mesh(0, [kept.clone(), dropped]);
    store().write(&both, &nobody()).await.unwrap();
    for hour in 1..24 {
        // What is asked stays as it is for longer than a day.
        let now = mesh(hour * HOUR, [kept.clone()]);
        store().write(&now, &nobody()).await.unwrap();
    }
    assert_eq!(targets().await, ["(static)/dropped:1", "(static)/kept:1"]);
    // Somebody who asks neither, in any scope.
    let mut other = mesh(24 * HOUR, []);
    other.scope.listed(None, at(24 * HOUR));
    let written = store().write(&other, &nobody()).await.unwrap();
    assert_eq!(written.removed_nodes, 1);
    assert_eq!(targets().await, ["(static)/kept:1"]);
}
