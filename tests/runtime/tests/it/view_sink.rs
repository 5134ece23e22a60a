//! View sinks: the whole view, at the interval.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafmesh::Schedule;
use kafmesh::codegen::v1::Service;
use kafmesh_runtime_tests::kafka::{self, Put, Writer, eventually};
use kafmesh_runtime_tests::{Count, Ending, Parts, Report};
use prost::Message as _;

use crate::support::{Running, config, unique};

/// What the view sink was given, sync by sync.
type Reports = Arc<Mutex<Vec<BTreeMap<String, u64>>>>;

/// Runs the view sink of `parts`; the syncs end as `endings` say, and in order after that.
async fn reporting(
    parts: Parts,
    schedule: Schedule,
    endings: &'static [Ending],
) -> (Running, Reports) {
    let state = tempfile::tempdir().unwrap();
    let mut service = Service::connect(config(state.path()), parts.service)
        .await
        .unwrap();
    let reports = Reports::default();
    let given = Arc::clone(&reports);
    let sink = Report {
        descriptor: parts.view_sink,
        report: move |counts| {
            let mut given = given.lock().unwrap();
            given.push(counts);
            endings
                .get(given.len() - 1)
                .copied()
                .unwrap_or(Ending::Done)
        },
    };
    service
        .registry()
        .register_view_sink(parts.component, sink, schedule)
        .unwrap();
    (Running::start(service).keeping(state), reports)
}

fn put(writer: &Writer, parts: Parts, key: &str, count: Option<u64>) {
    let value = count.map(|count| Count { count }.encode_to_vec());
    let put = Put {
        key: Some(key.as_bytes()),
        value: value.as_deref(),
        ..Put::default()
    };
    writer.put(parts.view_sink.topic.topic, put);
}

#[tokio::test]
async fn each_sync_is_given_the_whole_view() {
    let parts = Parts::new(&unique("reports"), 4);
    kafka::create(
        parts.view_sink.topic.topic,
        4,
        &[("cleanup.policy", "compact")],
    )
    .await;
    let writer = Writer::new();
    let mut truth = BTreeMap::new();
    for number in 0..20_000 {
        let key = format!("k{}", number % 5_000);
        put(&writer, parts, &key, Some(number));
        truth.insert(key, number);
    }
    writer.finish();
    let (running, reports) =
        reporting(parts, Schedule::every(Duration::from_millis(200)), &[]).await;
    eventually("the first report", || !reports.lock().unwrap().is_empty()).await;
    assert_eq!(reports.lock().unwrap()[0], truth, "it waited for the view");

    put(&writer, parts, "k1", None);
    put(&writer, parts, "new", Some(1));
    writer.finish();
    truth.remove("k1");
    truth.insert("new".to_owned(), 1);
    eventually("a report of what has changed", || {
        reports.lock().unwrap().last() == Some(&truth)
    })
    .await;
    running.stop().await;
}

#[tokio::test]
async fn a_sync_that_does_not_end_in_order_is_made_again_at_the_interval() {
    let parts = Parts::new(&unique("again"), 1);
    let endings = &[Ending::Fail, Ending::Panic, Ending::Hang];
    let schedule =
        Schedule::every(Duration::from_millis(200)).with_timeout(Duration::from_millis(100));
    let (running, reports) = reporting(parts, schedule, endings).await;
    eventually("it goes on", || reports.lock().unwrap().len() > 4).await;
    running.stop().await;
}
