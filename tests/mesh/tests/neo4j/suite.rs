//! What every store does. Each call of `store` gives a replica's access to the same data.

use std::collections::BTreeSet;
use std::sync::Arc;

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::actual::{Actual, ActualGroup, ActualTopic, Lag, Unread};
use kafmesh_discover::mesh::description::Description;
use kafmesh_discover::mesh::graph::{Graph, Label, Property, group_node, kafka_node, topic_node};
use kafmesh_discover::mesh::pod::{Failure, FailureKind, Observed, PodKey};
use kafmesh_discover::store::{KEPT_RUNS, Store, Written};
use kafmesh_mesh_tests::sample::{answered, at, clicks, mesh, pods, run, unreachable, used, users};

use crate::names::ODD;

fn nobody() -> BTreeSet<PodKey> {
    BTreeSet::new()
}

/// A graph without scrape runs.
pub(crate) fn without_runs(mut graph: Graph) -> Graph {
    graph.nodes.retain(|node, _| node.label != Label::ScrapeRun);
    graph
        .edges
        .retain(|edge, _| edge.from.label != Label::ScrapeRun);
    graph
}

/// What the store should hold after `mesh` was written by the only replica.
pub(crate) fn expected(mesh: &Mesh) -> Graph {
    let mut graph = Graph::clone(&mesh.graph);
    for run in &mesh.runs {
        graph.add_run(run);
    }
    graph
}

fn two_services(second: i64) -> Mesh {
    let (clicks, users) = (Arc::new(clicks()), Arc::new(users()));
    mesh(
        second,
        [
            answered("clicks-1", 0, &clicks),
            answered("clicks-2", 0, &clicks),
            answered("users-1", 0, &users),
        ],
    )
}

pub(crate) async fn what_is_written_is_there<S: Store>(store: impl Fn() -> S) {
    let mesh = two_services(0);
    let written = store().write(&mesh, &nobody()).await.unwrap();
    assert_eq!(written.nodes, mesh.graph.nodes.len());
    assert_eq!(written.edges, mesh.graph.edges.len());
    assert_eq!(written.runs, 1);
    assert_eq!(store().graph().await.unwrap(), expected(&mesh));
}

pub(crate) async fn a_repeated_scrape_changes_nothing_but_its_run<S: Store>(store: impl Fn() -> S) {
    let store = store();
    store.write(&two_services(0), &nobody()).await.unwrap();
    let before = store.graph().await.unwrap();
    let only_a_run = Written {
        runs: 1,
        ..Written::default()
    };
    let written = store.write(&two_services(60), &nobody()).await.unwrap();
    assert_eq!(written, only_a_run);
    let after = store.graph().await.unwrap();
    assert_eq!(after.nodes.len(), before.nodes.len() + 1);
    assert_eq!(without_runs(after), without_runs(before));
    let written = store.write(&two_services(60), &nobody()).await.unwrap();
    assert_eq!(written, Written::default());
}

pub(crate) async fn what_a_pod_no_longer_reports_is_removed<S: Store>(store: impl Fn() -> S) {
    let store = store();
    store.write(&two_services(0), &nobody()).await.unwrap();
    let mut less = clicks();
    less.components[0].sinks.clear();
    less.components[0].processors[0].lookups.clear();
    less.components[0].view_sources.clear();
    let less = Arc::new(less);
    let now = mesh(
        60,
        [
            answered("clicks-1", 60, &less),
            answered("clicks-2", 60, &less),
            answered("users-1", 0, &Arc::new(users())),
        ],
    );
    let written = store.write(&now, &nobody()).await.unwrap();
    // The sink, the view source, the topic of the shops and its message.
    assert_eq!(written.removed_nodes, 4);
    let graph = without_runs(store.graph().await.unwrap());
    assert_eq!(graph, *now.graph);
    assert!(
        !graph
            .nodes
            .contains_key(&topic_node("shops.shopId.details"))
    );
}

pub(crate) async fn what_cannot_be_reached_becomes_stale<S: Store>(store: impl Fn() -> S) {
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

pub(crate) async fn a_pod_that_is_gone_goes<S: Store>(store: impl Fn() -> S) {
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

pub(crate) async fn two_versions_are_shown_at_once<S: Store>(store: impl Fn() -> S) {
    let store = store();
    let mut newer = clicks();
    newer.components[0].processors[0].inputs = vec![used("clicks.userId.tap", "userId.tap")];
    let now = mesh(
        0,
        [
            answered("clicks-1", 0, &Arc::new(clicks())),
            answered("clicks-2", 0, &Arc::new(newer)),
        ],
    );
    store.write(&now, &nobody()).await.unwrap();
    let graph = without_runs(store.graph().await.unwrap());
    assert_eq!(graph, *now.graph);
    let mut services = graph
        .nodes
        .iter()
        .filter(|(node, _)| node.label == Label::Service);
    assert_eq!(services.next().unwrap().1["versions"], Property::Number(2));
    let partial = |topic: &str| {
        let mut edges = graph.edges.iter();
        let edge = edges
            .find(|(edge, _)| edge.to == topic_node(topic) && edge.from.label == Label::Processor);
        edge.unwrap().1.get("partial").cloned()
    };
    assert_eq!(partial("clicks.userId.tap"), Some(Property::Flag(true)));
    assert_eq!(partial("clicks.userId.click"), Some(Property::Flag(true)));
    assert_eq!(partial("clicks.userId.totalClicks"), None);
}

pub(crate) async fn the_last_runs_are_kept<S: Store>(store: impl Fn() -> S) {
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

pub(crate) async fn what_was_written_is_loaded<S: Store>(store: impl Fn() -> S) {
    let mut observed: Vec<Observed> = two_services(0)
        .pods
        .into_values()
        .map(|observed| Observed::clone(&observed))
        .collect();
    observed[0] = unreachable(observed[0].clone(), 30);
    let mut never = unreachable(answered("never", 0, &Arc::new(users())), 30);
    never.answer = None;
    observed.push(never);
    let mesh = mesh(60, observed);
    store().write(&mesh, &nobody()).await.unwrap();
    assert_eq!(store().load().await.unwrap(), mesh.pods);
}

pub(crate) async fn a_restarted_process_writes_nothing_anew<S: Store>(store: impl Fn() -> S) {
    let mesh = two_services(0);
    store().write(&mesh, &nobody()).await.unwrap();
    let written = store().write(&mesh, &nobody()).await.unwrap();
    assert_eq!(written, Written::default());
}

pub(crate) async fn an_unreachable_pod_keeps_the_answer_of_another_replica<S: Store>(
    store: impl Fn() -> S,
) {
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

pub(crate) async fn who_asked_last_is_right<S: Store>(store: impl Fn() -> S) {
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

pub(crate) async fn a_pod_that_was_not_asked_yet_changes_nothing<S: Store>(store: impl Fn() -> S) {
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

pub(crate) async fn any_name_is_stored_as_it_is<S: Store>(store: impl Fn() -> S) {
    let store = store();
    let mut all = Vec::new();
    for (n, name) in ODD().into_iter().enumerate() {
        all.push(answered(&format!("pod-{n}"), 0, &Arc::new(called(&name))));
    }
    let mesh = Mesh::new(1, pods(all), None, Vec::new());
    store.write(&mesh, &nobody()).await.unwrap();
    assert_eq!(store.graph().await.unwrap(), *mesh.graph);
    assert_eq!(store.load().await.unwrap(), mesh.pods);
}

pub(crate) async fn what_kafka_says_is_kept<S: Store>(store: impl Fn() -> S) {
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

pub(crate) async fn what_kafka_said_stays_while_it_was_not_read<S: Store>(store: impl Fn() -> S) {
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

pub(crate) async fn what_kafka_said_is_stale_while_it_cannot_be_read<S: Store>(
    store: impl Fn() -> S,
) {
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

pub(crate) async fn what_vanished_unseen_goes_from_the_scope<S: Store>(store: impl Fn() -> S) {
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

pub(crate) async fn a_target_that_nobody_asks_any_more_goes_after_a_day<S: Store>(
    store: impl Fn() -> S,
) {
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

pub(crate) async fn replicas_write_each_others_runs_once<S: Store>(store: impl Fn() -> S) {
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
            if round % 2 == 0 {
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

/// A description in which everything is called `name`.
fn called(name: &str) -> Description {
    let json = serde_json::to_value(clicks()).unwrap();
    fn rename(value: &mut serde_json::Value, name: &str) {
        match value {
            serde_json::Value::String(text) => *text = name.to_owned(),
            serde_json::Value::Array(all) => all.iter_mut().for_each(|one| rename(one, name)),
            serde_json::Value::Object(all) => all.values_mut().for_each(|one| rename(one, name)),
            _ => {}
        }
    }
    let mut json = json;
    rename(&mut json, name);
    serde_json::from_value(json).unwrap()
}
