//! What a write leaves, and what it leaves alone.

use std::sync::Arc;

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::description::Description;
use kafmesh_discover::mesh::graph::{Label, Property, topic_node};
use kafmesh_discover::mesh::pod::Observed;
use kafmesh_discover::store::{Store, Written};
use kafmesh_mesh_tests::sample::{answered, clicks, mesh, pods, unreachable, used, users};

use super::{expected, nobody, two_services, without_runs};
use crate::names::ODD;

on_both_stores!(
    what_is_written_is_there,
    a_repeated_scrape_changes_nothing_but_its_run,
    a_restarted_process_writes_nothing_anew,
    what_a_pod_no_longer_reports_is_removed,
    two_versions_are_shown_at_once,
    what_was_written_is_loaded,
    any_name_is_stored_as_it_is,
);

async fn what_is_written_is_there<S: Store>(store: impl Fn() -> S) {
    let mesh = two_services(0);
    let written = store().write(&mesh, &nobody()).await.unwrap();
    assert_eq!(written.nodes, mesh.graph.nodes.len());
    assert_eq!(written.edges, mesh.graph.edges.len());
    assert_eq!(written.runs, 1);
    assert_eq!(store().graph().await.unwrap(), expected(&mesh));
}

async fn a_repeated_scrape_changes_nothing_but_its_run<S: Store>(store: impl Fn() -> S) {
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

async fn a_restarted_process_writes_nothing_anew<S: Store>(store: impl Fn() -> S) {
    let mesh = two_services(0);
    store().write(&mesh, &nobody()).await.unwrap();
    let written = store().write(&mesh, &nobody()).await.unwrap();
    assert_eq!(written, Written::default());
}

async fn what_a_pod_no_longer_reports_is_removed<S: Store>(store: impl Fn() -> S) {
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

async fn two_versions_are_shown_at_once<S: Store>(store: impl Fn() -> S) {
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

async fn what_was_written_is_loaded<S: Store>(store: impl Fn() -> S) {
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
