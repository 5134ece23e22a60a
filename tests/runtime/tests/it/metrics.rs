//! What `/metrics` says, compared with known traffic.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kafmesh::codegen::v1::{Context, Service};
use kafmesh::{Batching, Error, Schedule, SinkRecord, Source, View};
use kafmesh_runtime_tests::kafka::{self, GroupWatch, Put, Writer};
use kafmesh_runtime_tests::{
    Click, Count, Ending, Handle, Keep, Mesh, Parts, Plan, Report, Shape, Ship, counting,
};

use crate::support::{Clicks, Gate, Running, config, free_port, get, unique, until};

/// The samples of a metric whose labels include all of `labels`.
async fn samples(at: SocketAddr, metric: &str, labels: &[(&str, &str)]) -> Vec<(String, f64)> {
    let (status, page) = get(at, "/metrics").await;
    assert_eq!(status, 200);
    assert!(page.ends_with("# EOF\n"), "{page}");
    let wanted: Vec<_> = labels
        .iter()
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    let lines = page.lines().filter_map(|line| {
        let (series, value) = line.strip_prefix(metric)?.rsplit_once(' ')?;
        let here = series.starts_with('{') && wanted.iter().all(|label| series.contains(label));
        here.then(|| (series.to_owned(), value.parse().unwrap()))
    });
    lines.collect()
}

/// The only sample of a metric with these labels.
pub(crate) async fn sample(at: SocketAddr, metric: &str, labels: &[(&str, &str)]) -> f64 {
    let samples = samples(at, metric, labels).await;
    let [(_, value)] = &*samples else {
        panic!("{metric} {labels:?}: {samples:?}");
    };
    *value
}

/// Runs the counter, its source and its view.
async fn run(mesh: Mesh, state: &Path, gate: &Arc<Gate>) -> (Running, SocketAddr, Source<Click>) {
    let at = free_port();
    let mut service = Service::connect(config(state).with_listen(at), mesh.service)
        .await
        .unwrap();
    let gate = Arc::clone(gate);
    let handler = move |input, context: &mut Context<'_, Count>, value: Option<&[u8]>| {
        gate.pass();
        counting(input, context, value)
    };
    let registry = service.registry();
    registry
        .register_processor(mesh.component, Handle::new(mesh.processor, handler))
        .unwrap();
    let source = registry.source(mesh.component, mesh.component.sources[0]);
    let _totals: View<Count> = registry
        .view(mesh.component, mesh.component.views[0])
        .unwrap();
    (Running::start(service), at, source)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn traffic_lag_and_cache_are_told_to_the_record() {
    let shape = Shape::counter(unique("metrics"), 1);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let gate = Arc::<Gate>::default();
    let (running, at, source) = run(mesh, state.path(), &gate).await;
    let [clicks, totals, changelog] = [
        shape.topic("clicks"),
        shape.topic("totals"),
        shape.changelog(),
    ];
    let (component, processor) = (("component", "counting"), ("kind", "processor"));

    // 50 clicks of 10 keys with 2 bytes each, and messages of 2 bytes.
    for number in 0..50 {
        let key = format!("k{}", number % 10);
        source.emit(key, &Click::one()).await.unwrap();
    }
    let group = GroupWatch::new(&shape.group(), &clicks, 1);
    group.caught_up().await;
    let by_source = [component, ("kind", "source"), ("topic", &clicks)];
    assert_eq!(
        sample(at, "kafmesh_records_out_total", &by_source).await,
        50.0
    );
    assert_eq!(
        sample(at, "kafmesh_bytes_out_total", &by_source).await,
        200.0
    );
    let read = [
        component,
        processor,
        ("object", "counter"),
        ("topic", &clicks),
    ];
    assert_eq!(sample(at, "kafmesh_records_in_total", &read).await, 50.0);
    assert_eq!(sample(at, "kafmesh_bytes_in_total", &read).await, 200.0);
    let written = [processor, ("topic", &totals)];
    assert_eq!(
        sample(at, "kafmesh_records_out_total", &written).await,
        50.0
    );
    // As many changes as commits saw, and no fewer than keys.
    let logged = sample(at, "kafmesh_records_out_total", &[("topic", &changelog)]).await;
    assert_eq!(logged, kafka::read(&changelog).len() as f64);
    assert_eq!(sample(at, "kafmesh_cache_misses_total", &[]).await, 10.0);
    assert_eq!(sample(at, "kafmesh_cache_hits_total", &[]).await, 40.0);
    assert_eq!(sample(at, "kafmesh_cache_entries", &[]).await, 10.0);
    assert_eq!(sample(at, "kafmesh_errors_total", &[processor]).await, 0.0);
    assert!(sample(at, "kafmesh_commit_seconds_count", &[processor]).await >= 1.0);
    assert!(sample(at, "kafmesh_batch_seconds_count", &[processor]).await >= 1.0);
    let followed = [("kind", "view"), ("object", "count"), ("topic", &totals)];
    until("the view has all totals", async || {
        sample(at, "kafmesh_records_in_total", &followed).await == 50.0
    })
    .await;
    assert_eq!(
        sample(at, "kafmesh_ready", &[("service", &shape.prefix)]).await,
        1.0
    );

    // What waits is the lag, however long the handler takes.
    gate.close(true);
    Clicks::new(&shape, 10).write(100);
    let behind = [processor, ("topic", &clicks), ("partition", "0")];
    until("100 records wait", async || {
        sample(at, "kafmesh_lag", &behind).await == 100.0
    })
    .await;
    assert_eq!(sample(at, "kafmesh_records_in_total", &read).await, 50.0);
    gate.close(false);
    group.caught_up().await;
    assert_eq!(sample(at, "kafmesh_lag", &behind).await, 0.0);
    assert_eq!(sample(at, "kafmesh_records_in_total", &read).await, 150.0);
    running.stop().await;
}

#[tokio::test]
async fn what_is_told_of_partitions_moves_with_them() {
    let shape = Shape::counter(unique("moves"), 2);
    let mesh = shape.build();
    let gate = Arc::<Gate>::default();
    let [state, other] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let (first, at, _) = run(mesh, state.path(), &gate).await;
    Clicks::new(&shape, 100).write(1_000);
    let clicks = shape.topic("clicks");
    let group = GroupWatch::new(&shape.group(), &clicks, 2);
    group.caught_up().await;
    let behind = [("kind", "processor"), ("topic", &*clicks)];
    assert_eq!(samples(at, "kafmesh_lag", &behind).await.len(), 2);

    let (second, there, _) = run(mesh, other.path(), &gate).await;
    until("each has one partition", async || {
        let here = samples(at, "kafmesh_lag", &behind).await;
        let there = samples(there, "kafmesh_lag", &behind).await;
        here.len() == 1 && there.len() == 1 && here[0].0 != there[0].0
    })
    .await;
    let tables = samples(at, "kafmesh_store_bytes", &[("kind", "processor")]).await;
    assert_eq!(tables.len(), 1, "{tables:?}");
    second.stop().await;
    until("the first has both again", async || {
        samples(at, "kafmesh_lag", &behind).await.len() == 2
    })
    .await;
    first.stop().await;
}

#[tokio::test]
async fn sinks_and_syncs_tell_what_they_did() {
    let parts = Parts::new(&unique("parts"), 1);
    let state = tempfile::tempdir().unwrap();
    let at = free_port();
    let config = config(state.path()).with_listen(at);
    let mut service = Service::connect(config, parts.service).await.unwrap();
    let registry = service.registry();
    let mut writes = 0;
    let ship = Ship {
        descriptor: parts.sink,
        pause: Duration::ZERO,
        write: move |_: &[SinkRecord<Click>]| {
            writes += 1;
            match writes {
                1 => Err(Error::handler("the warehouse is closed")),
                _ => Ok(()),
            }
        },
    };
    let batching = Batching::default().with_records(30);
    registry
        .register_sink(parts.component, ship, batching)
        .unwrap();
    let mut syncs = 0;
    let keep = Keep::new(parts.view_source, move || {
        syncs += 1;
        let named: &[(&str, u64)] = match syncs {
            1 => &[("a", 1), ("b", 1), ("c", 1)],
            _ => &[("a", 2), ("b", 1)],
        };
        let entry = |&(key, count): &(&str, u64)| (key.to_owned(), Count { count });
        Plan {
            entries: named.iter().map(entry).collect(),
            ending: Ending::Done,
        }
    });
    let often = Schedule::every(Duration::from_millis(100)).with_timeout(Duration::from_secs(30));
    registry
        .register_view_source(parts.component, keep, often)
        .unwrap();
    let report = Report {
        descriptor: parts.view_sink,
        report: |_| Ending::Fail,
    };
    let once = Schedule::every(Duration::from_secs(3600));
    registry
        .register_view_sink(parts.component, report, once)
        .unwrap();
    let running = Running::start(service);

    let shipping = [("kind", "sink"), ("object", "shipping")];
    let clicks = parts.sink.topic.topic;
    let group = GroupWatch::new(parts.sink.group, clicks, 1);
    let writer = Writer::new();
    for number in 0..30 {
        let put = Put {
            key: Some(&[b'a' + number]),
            value: Some(&[8, 1]),
            ..Put::default()
        };
        writer.put(clicks, put);
    }
    writer.finish();
    group.caught_up().await;
    until("the batch is counted", async || {
        let shipped = [shipping[0], ("topic", clicks)];
        sample(at, "kafmesh_records_in_total", &shipped).await == 30.0
    })
    .await;
    assert_eq!(sample(at, "kafmesh_write_retries_total", &[]).await, 1.0);
    assert_eq!(sample(at, "kafmesh_errors_total", &shipping).await, 1.0);
    assert_eq!(
        sample(at, "kafmesh_batch_seconds_count", &shipping).await,
        1.0
    );
    assert_eq!(
        sample(at, "kafmesh_commit_seconds_count", &shipping).await,
        1.0
    );
    assert_eq!(sample(at, "kafmesh_lag", &shipping).await, 0.0);

    let keeping = [("kind", "view source"), ("object", "keeping")];
    until("the third sync changed nothing", async || {
        sample(at, "kafmesh_sync_seconds_count", &keeping).await >= 3.0
    })
    .await;
    assert_eq!(
        sample(at, "kafmesh_sync_updates_total", &keeping).await,
        4.0
    );
    assert_eq!(
        sample(at, "kafmesh_sync_deletes_total", &keeping).await,
        1.0
    );
    assert_eq!(sample(at, "kafmesh_errors_total", &keeping).await, 0.0);
    let reporting = [("kind", "view sink"), ("object", "reporting")];
    until("the view sink failed", async || {
        sample(at, "kafmesh_errors_total", &reporting).await == 1.0
    })
    .await;
    assert_eq!(
        sample(at, "kafmesh_sync_seconds_count", &reporting).await,
        1.0
    );

    let (_, health) = get(at, "/health").await;
    assert!(health.contains("this process synchronises"), "{health}");
    running.stop().await;
}
