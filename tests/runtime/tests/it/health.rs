//! The states of a process, seen from outside while it goes through them.

use std::net::SocketAddr;
use std::sync::Arc;

use kafmesh::codegen::v1::Service;
use kafmesh_runtime_tests::kafka::{self, GroupWatch, Put, Writer};
use kafmesh_runtime_tests::{Handle, Shape, counting};
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::{Clicks, Gate, Running, config, free_port, get, unique, until};

/// The state of the process and the detail of its only object.
async fn health(at: SocketAddr) -> (String, String) {
    let (_, body) = get(at, "/health").await;
    let health: serde_json::Value = serde_json::from_str(&body).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    (
        text(&health["state"]),
        text(&health["objects"][0]["detail"]),
    )
}

async fn is_serving(channel: &Channel) -> bool {
    let asked = HealthClient::new(channel.clone())
        .check(HealthCheckRequest::default())
        .await;
    asked.unwrap().into_inner().status == 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_process_starts_restores_runs_and_stops() {
    const ENTRIES: usize = 300_000;
    let shape = Shape::counter(unique("states"), 2);
    let mesh = shape.build();
    kafka::create(&shape.changelog(), 2, &[("cleanup.policy", "compact")]).await;
    let writer = Writer::new();
    for entry in 0..ENTRIES {
        let key = format!("k{entry}");
        let put = Put {
            key: Some(key.as_bytes()),
            value: Some(&[8, 5]),
            partition: Some(1),
            ..Put::default()
        };
        writer.put(&shape.changelog(), put);
    }
    writer.finish();

    let state = tempfile::tempdir().unwrap();
    let at = free_port();
    let mut service = Service::connect(config(state.path()).with_listen(at), mesh.service)
        .await
        .unwrap();
    let gate = Arc::<Gate>::default();
    let passed = Arc::clone(&gate);
    let handle = Handle::new(mesh.processor, move |input, context: &mut _, value| {
        passed.pass();
        counting(input, context, value)
    });
    service
        .registry()
        .register_processor(mesh.component, handle)
        .unwrap();
    let channel = Channel::from_shared(format!("http://{at}"))
        .unwrap()
        .connect()
        .await
        .unwrap();
    assert_eq!(health(at).await.0, "starting");
    let running = Running::start(service);

    let mut seen = Vec::new();
    let mut details = Vec::new();
    until("it runs", async || {
        let (state, detail) = health(at).await;
        if state == "restoring" {
            assert!(!is_serving(&channel).await, "{detail}");
            assert_eq!(get(at, "/health/ready").await.0, 503);
            details.push(detail);
        }
        seen.push(state);
        seen.last().is_some_and(|state| state == "running")
    })
    .await;
    seen.dedup();
    assert_eq!(seen, ["starting", "restoring", "running"]);
    // Partition 0 has nothing to restore, so most of the time it is about the other.
    let percents = details.iter().filter_map(|detail| {
        let rest = detail.strip_prefix("restoring 1 of 2 partitions, ")?;
        rest.strip_suffix(" %")?.parse::<u64>().ok()
    });
    let percents: Vec<_> = percents.collect();
    assert!(percents.is_sorted(), "{details:?}");
    assert!(
        percents.iter().any(|percent| (1..100).contains(percent)),
        "{details:?}"
    );
    until("gRPC says so, too", async || is_serving(&channel).await).await;
    assert_eq!(health(at).await.1, "2 partitions");
    let (_, page) = get(at, "/metrics").await;
    let restored = format!(
        "topic=\"{}\",partition=\"1\"}} {ENTRIES}\n",
        shape.changelog()
    );
    assert!(page.contains(&restored), "{page}");

    // A handler that takes its time shows what it is like to stop.
    gate.close(true);
    let mut clicks = Clicks::new(&shape, 1);
    clicks.write(1);
    until("the handler waits", async || gate.waiting() == 1).await;
    running.ask_to_stop();
    until("it is stopping", async || health(at).await.0 == "stopping").await;
    assert_eq!(get(at, "/health/ready").await, (503, "stopping\n".into()));
    until("gRPC says so, too", async || !is_serving(&channel).await).await;
    gate.close(false);
    running.stop().await;
    let group = GroupWatch::new(&shape.group(), &clicks.topic, 2);
    assert_eq!(group.committed().iter().sum::<i64>(), 1);
    assert!(
        tokio::net::TcpStream::connect(at).await.is_err(),
        "it is closed"
    );
}
