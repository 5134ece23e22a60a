//! Views: complete before they are read, current afterwards.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use kafmesh::View;
use kafmesh::codegen::v1::Service;
use kafmesh_runtime_tests::kafka::{self, Put, Writer, eventually};
use kafmesh_runtime_tests::{Count, Mesh, Shape};
use prost::Message as _;
use tokio::time::timeout;

use crate::support::{PATIENCE, Running, config, unique};

async fn start(mesh: Mesh, state: &Path) -> (Running, View<Count>) {
    let mut service = Service::connect(config(state), mesh.service).await.unwrap();
    let view: View<Count> = service
        .registry()
        .view(mesh.component, mesh.component.views[0])
        .unwrap();
    let early = view.get("k1").unwrap_err().to_string();
    let topic = mesh.component.views[0].topic.topic;
    assert_eq!(
        early,
        format!(
            "the view of {topic} is not complete yet (it is starting); wait for it with `ready().await`"
        )
    );
    (Running::start(service), view)
}

fn entries(view: &View<Count>) -> BTreeMap<String, u64> {
    view.iter()
        .unwrap()
        .map(|entry| entry.map(|(key, count)| (key, count.count)).unwrap())
        .collect()
}

fn put(writer: &Writer, topic: &str, key: &str, count: Option<u64>) {
    let value = count.map(|count| Count { count }.encode_to_vec());
    writer.put(
        topic,
        Put {
            key: Some(key.as_bytes()),
            value: value.as_deref(),
            ..Put::default()
        },
    );
}

#[tokio::test]
async fn a_view_is_complete_follows_restarts_and_is_rebuilt() {
    let shape = Shape::counter(unique("view"), 4);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let topic = shape.topic("totals");
    kafka::create(&topic, 4, &[("cleanup.policy", "compact")]).await;
    let writer = Writer::new();
    let mut truth = BTreeMap::new();
    for number in 0..50_000 {
        let key = format!("k{}", number % 5_000);
        put(&writer, &topic, &key, Some(number));
        truth.insert(key, number);
    }
    writer.finish();

    let (running, view) = start(mesh, state.path()).await;
    timeout(PATIENCE, view.ready()).await.unwrap().unwrap();
    assert_eq!(entries(&view), truth);
    assert_eq!(view.get("k1").unwrap(), Some(Count { count: 45_001 }));
    assert_eq!(view.get("nobody").unwrap(), None);

    put(&writer, &topic, "k1", Some(7));
    put(&writer, &topic, "k2", None);
    put(&writer, &topic, "new", Some(1));
    writer.finish();
    truth.extend([("k1".to_owned(), 7), ("new".to_owned(), 1)]);
    truth.remove("k2");
    eventually("the view follows", || entries(&view) == truth).await;
    running.stop().await;
    drop(view);

    // While nobody looks.
    put(&writer, &topic, "k3", None);
    put(&writer, &topic, "k4", Some(4));
    writer.finish();
    truth.remove("k3");
    truth.insert("k4".to_owned(), 4);
    let (running, view) = start(mesh, state.path()).await;
    timeout(PATIENCE, view.ready()).await.unwrap().unwrap();
    assert_eq!(entries(&view), truth);
    running.stop().await;
    drop(view);

    kafka::delete(&topic).await;
    kafka::create(&topic, 4, &[("cleanup.policy", "compact")]).await;
    put(&writer, &topic, "after", Some(1));
    writer.finish();
    let (running, view) = start(mesh, state.path()).await;
    timeout(PATIENCE, view.ready()).await.unwrap().unwrap();
    assert_eq!(entries(&view), [("after".to_owned(), 1)].into());
    running.stop().await;
}

#[tokio::test]
async fn a_topic_created_anew_is_noticed_when_it_is_longer_than_the_old_one() {
    let shape = Shape::counter(unique("longerview"), 2);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let topic = shape.topic("totals");
    let writer = Writer::new();
    // Each generation has other keys, and more records in each partition than the one before.
    let create = async |generation: u64| {
        kafka::create(&topic, 2, &[("cleanup.policy", "compact")]).await;
        let keys = (0..generation * 100).map(|number| format!("g{generation}n{number}"));
        let entries: BTreeMap<_, _> = keys.map(|key| (key, generation)).collect();
        for (key, count) in &entries {
            put(&writer, &topic, key, Some(*count));
        }
        writer.finish();
        entries
    };
    let truth = create(1).await;
    let (running, view) = start(mesh, state.path()).await;
    timeout(PATIENCE, view.ready()).await.unwrap().unwrap();
    assert_eq!(entries(&view), truth);
    running.stop().await;
    drop(view);

    kafka::delete(&topic).await;
    let truth = create(2).await;
    let (running, view) = start(mesh, state.path()).await;
    timeout(PATIENCE, view.ready()).await.unwrap().unwrap();
    assert_eq!(entries(&view), truth);

    // Under the running service now.
    kafka::delete(&topic).await;
    let truth = create(3).await;
    let error = running.ended().await.unwrap_err().to_string();
    assert!(
        error.contains(&topic) && error.contains("start the service again"),
        "{error}"
    );
    drop(view);
    let (running, view) = start(mesh, state.path()).await;
    timeout(PATIENCE, view.ready()).await.unwrap().unwrap();
    assert_eq!(entries(&view), truth);
    running.stop().await;
}

#[tokio::test]
async fn a_view_of_an_empty_topic_is_ready_at_once() {
    let mesh = Shape::counter(unique("empty"), 4).build();
    let state = tempfile::tempdir().unwrap();
    let (running, view) = start(mesh, state.path()).await;
    let began = Instant::now();
    timeout(PATIENCE, view.ready()).await.unwrap().unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(entries(&view), BTreeMap::new());
    running.stop().await;
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_an_error_of_its_own() {
    let shape = Shape::counter(unique("entry"), 1);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let topic = shape.topic("totals");
    kafka::create(&topic, 1, &[("cleanup.policy", "compact")]).await;
    let record = |key, value| Put {
        key: Some(key),
        value: Some(value),
        ..Put::default()
    };
    kafka::write(
        &topic,
        [
            record(b"good", &[8, 1]),
            record(b"wrong", b"\xff"),
            record(b"\xff", &[8, 1]),
        ],
    );
    let (running, view) = start(mesh, state.path()).await;
    timeout(PATIENCE, view.ready()).await.unwrap().unwrap();
    assert_eq!(view.get("good").unwrap(), Some(Count { count: 1 }));
    let error = view.get("wrong").unwrap_err().to_string();
    let begins = format!(
        "the entry of key \"wrong\" in the local table of {topic} cannot be read: its value is not a Count: "
    );
    assert!(error.starts_with(&begins), "{error}");
    assert_eq!(view.iter().unwrap().filter(Result::is_err).count(), 2);
    running.stop().await;
}
