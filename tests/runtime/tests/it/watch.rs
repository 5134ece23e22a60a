//! Watching a processor over gRPC while records flow.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use kafmesh::codegen::v1::Context;
use kafmesh::{Config, Result};
use kafmesh_proto::watch::v1::action::Action as Shown;
use kafmesh_proto::watch::v1::watch_api_client::WatchApiClient;
use kafmesh_proto::watch::v1::{Operation, ProcessorRequest, ProcessorResponse};
use kafmesh_runtime_tests::kafka::{self, GroupWatch, Put, Writer};
use kafmesh_runtime_tests::{Click, Count, Handler, Mesh, Shape};
use prost::Message as _;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

use crate::metrics::sample;
use crate::support::{Counter, PATIENCE, Running, config, free_port, unique, until};

async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
    endpoint.connect().await.unwrap()
}

async fn watch(
    channel: &Channel,
    processor: &str,
    key: &str,
) -> std::result::Result<Streaming<ProcessorResponse>, Status> {
    watch_with(channel, processor, key, None).await
}

async fn watch_with(
    channel: &Channel,
    processor: &str,
    key: &str,
    token: Option<&str>,
) -> std::result::Result<Streaming<ProcessorResponse>, Status> {
    let mut request = Request::new(ProcessorRequest {
        component: "counting".to_owned(),
        processor: processor.to_owned(),
        key: key.to_owned(),
    });
    if let Some(token) = token {
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", bearer);
    }
    let answer = WatchApiClient::new(channel.clone())
        .processor(request)
        .await?;
    Ok(answer.into_inner())
}

/// Starts a service with one processor, and a channel to it once it answers.
async fn start(mesh: Mesh, config: Config, handler: impl Handler<Count>) -> (Running, Channel) {
    let address = free_port();
    let running = Running::handling(mesh, config.with_listen(address), handler).await;
    let channel = channel(address).await;
    until("it can be watched", async || {
        !matches!(watch(&channel, "nobody", "").await, Err(status) if status.code() == Code::Unavailable)
    })
    .await;
    (running, channel)
}

/// The next operations, `count` of them, none of which may be lost.
async fn operations(stream: &mut Streaming<ProcessorResponse>, count: usize) -> Vec<Operation> {
    let mut all = Vec::new();
    while all.len() < count {
        let next = timeout(PATIENCE, stream.next())
            .await
            .expect("nothing came");
        let response = next.expect("the stream ended").unwrap();
        assert_eq!(response.lost, 0);
        all.extend(response.operation);
    }
    all
}

fn put(writer: &Writer, topic: &str, key: &str, count: u64) {
    writer.put(
        topic,
        Put {
            key: Some(key.as_bytes()),
            value: Some(&Count { count }.encode_to_vec()),
            ..Put::default()
        },
    );
}

/// Reads everything there is to read, then counts.
fn everything(_: usize, context: &mut Context<'_, Count>, _: Option<&[u8]>) -> Result<()> {
    let owner: Option<Count> = context.join(0)?;
    let name: Option<Count> = context.lookup(0, "name")?;
    let mut state = context.state()?;
    state.count += owner.map_or(0, |owner| owner.count) + name.map_or(0, |name| name.count);
    context.save_state(state.clone());
    context.output(0, "out", &state);
    context.output_delete(0, context.key());
    Ok(())
}

/// What an action is, and its value as far as it is known.
fn told(operation: &Operation) -> Vec<(&'static str, String)> {
    let actions = operation.actions.iter();
    let told = actions.map(|action| match action.action.as_ref().unwrap() {
        Shown::Join(it) => ("join", it.value.clone()),
        Shown::Lookup(it) => ("lookup", format!("{} {}", it.key, it.value)),
        Shown::GetState(it) => ("get state", it.value.clone()),
        Shown::SetState(it) => ("set state", it.value.clone()),
        Shown::Output(it) => ("output", format!("{} {}", it.key, it.value)),
    });
    told.collect()
}

#[tokio::test]
async fn one_key_and_every_key_are_shown_with_all_that_happens() {
    let shape = Shape {
        joins: vec!["owners"],
        lookups: vec!["names"],
        ..Shape::counter(unique("watched"), 2)
    };
    let mesh = shape.build();
    let (clicks, owners, names) = (
        shape.topic("clicks"),
        shape.topic("owners"),
        shape.topic("names"),
    );
    for topic in [&owners, &names] {
        kafka::create(topic, 2, &[("cleanup.policy", "compact")]).await;
    }
    let writer = Writer::new();
    for key in ["a", "b", "c", "d"] {
        put(&writer, &owners, key, 10);
    }
    put(&writer, &names, "name", 5);
    writer.finish();
    let state = tempfile::tempdir().unwrap();
    let (running, channel) = start(mesh, config(state.path()), everything).await;

    // Before the group has assigned anything.
    let mut every = watch(&channel, "counter", "").await.unwrap();
    for key in ["a", "b", "c", "d"] {
        put(&writer, &clicks, key, 1);
    }
    writer.finish();
    let shown = operations(&mut every, 4).await;
    let mut partitions = BTreeSet::new();
    for operation in &shown {
        let input = operation.input.as_ref().unwrap();
        partitions.insert(input.partition);
        assert_eq!(
            (input.topic.as_str(), input.message.as_str()),
            (clicks.as_str(), "click")
        );
        assert!(operation.start_time.is_some() && operation.end_time.is_some());
        let value = |value: &str| format!(r#""@base64":"{value}""#);
        let told = told(operation);
        let expected = [
            ("join", value("CAo=")),
            ("lookup", value("CAU=")),
            ("get state", String::new()),
            ("set state", value("CA8=")),
            ("output", value("CA8=")),
            ("output", input.key.clone()),
        ];
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for ((kind, value), (expected, part)) in told.iter().zip(&expected) {
            assert!(kind == expected && value.contains(part), "{told:?}");
        }
    }
    assert_eq!(partitions.len(), 2);

    // After it has.
    let mut one = watch(&channel, "counter", "b").await.unwrap();
    for _ in 0..3 {
        for key in ["a", "b", "c", "d"] {
            put(&writer, &clicks, key, 1);
        }
    }
    writer.finish();
    let shown = operations(&mut one, 3).await;
    assert!(shown.iter().all(|it| it.input.as_ref().unwrap().key == "b"));
    assert_eq!(operations(&mut every, 12).await.len(), 12);

    // A stop ends the streams, and they do not hold it up.
    running.stop().await;
    assert!(one.next().await.is_none());
    assert!(every.next().await.is_none());
}

/// Records that a stalled watcher is not shown, and bytes of each.
const RECORDS: u64 = 60_000;
const RECORD: usize = 2 << 10;

/// What there is to say of a counter, in a process of its own, that has handled all records.
struct Counted {
    totals: BTreeMap<String, u64>,
    records: f64,
    peak_memory: u64,
}

/// Lets a counter count, watched by somebody who does not read, or by nobody.
async fn count(is_watched: bool) -> Counted {
    let shape = Shape::counter(unique("stalled"), 2);
    let state = tempfile::tempdir().unwrap();
    let address = free_port();
    let listen = address.to_string();
    let variables = [
        ("KAFMESH_LISTEN", &*listen),
        ("KAFMESH_WATCH_RATE", "1000000"),
    ];
    let mut counter = Counter::start(&shape, state.path(), &variables);
    counter.says(" started").await;
    let channel = channel(address).await;
    let stalled = if is_watched {
        Some(watch(&channel, "counter", "").await.unwrap())
    } else {
        None
    };
    let processor = [("kind", "processor")];
    let metric = async |name: &str| sample(address, name, &processor).await;
    assert_eq!(metric("kafmesh_watchers").await, f64::from(is_watched));

    let click = Click {
        amount: 1,
        note: "x".repeat(RECORD),
    };
    let value = click.encode_to_vec();
    let writer = Writer::new();
    for number in 0..RECORDS {
        let key = format!("k{}", number % 1000);
        let record = Put {
            key: Some(key.as_bytes()),
            value: Some(&value),
            ..Put::default()
        };
        writer.put(&shape.topic("clicks"), record);
    }
    writer.finish();
    GroupWatch::new(&shape.group(), &shape.topic("clicks"), shape.partitions)
        .caught_up()
        .await;
    let counted = Counted {
        totals: kafka::last_counts(&shape.topic("totals")),
        records: metric("kafmesh_records_in_total").await,
        peak_memory: counter.peak_memory(),
    };

    // Only now it is read.
    if let Some(mut stalled) = stalled {
        let (mut shown, mut lost) = (0, 0);
        while shown + lost < RECORDS {
            let next = timeout(PATIENCE, stalled.next())
                .await
                .expect("nothing came");
            let response = next.unwrap().unwrap();
            shown += u64::from(response.operation.is_some());
            lost += response.lost;
        }
        assert_eq!(shown + lost, RECORDS);
        assert!(lost > RECORDS / 2, "{lost} were lost: it was not stalled");
        assert_eq!(metric("kafmesh_watch_lost_total").await, lost as f64);
        drop(stalled);
        until("its place is free", async || {
            metric("kafmesh_watchers").await == 0.0
        })
        .await;
    }
    counter.stop().await;
    counted
}

#[tokio::test]
async fn a_stalled_watcher_holds_up_nothing() {
    let unwatched = count(false).await;
    let watched = count(true).await;
    assert_eq!(watched.records, RECORDS as f64);
    assert_eq!(watched.records, unwatched.records);
    assert_eq!(watched.totals.values().sum::<u64>(), RECORDS);
    assert_eq!(watched.totals, unwatched.totals);
    // What waits is a small part of what was not read.
    let unread = RECORDS * RECORD as u64;
    let most = unwatched.peak_memory + unread / 3;
    assert!(
        watched.peak_memory < most,
        "{} bytes, and without a watcher {}",
        watched.peak_memory,
        unwatched.peak_memory
    );
}

#[tokio::test]
async fn variables_say_who_may_watch() {
    let state = tempfile::tempdir().unwrap();
    let refused = async |variable: (&str, &str), token: Option<&str>| {
        let shape = Shape::counter(unique("limited"), 1);
        let address = free_port();
        let listen = address.to_string();
        let variables = [("KAFMESH_LISTEN", &*listen), variable];
        let mut counter = Counter::start(&shape, state.path(), &variables);
        counter.says(" started").await;
        let channel = channel(address).await;
        let mut codes = Vec::new();
        for token in [None, Some("hunter3"), token] {
            let watched = watch_with(&channel, "counter", "", token).await;
            codes.push(watched.map_or_else(|status| status.code(), |_| Code::Ok));
        }
        counter.stop().await;
        codes
    };
    assert_eq!(
        refused(("KAFMESH_WATCH_TOKEN", "hunter2"), Some("hunter2")).await,
        [Code::Unauthenticated, Code::Unauthenticated, Code::Ok]
    );
    assert_eq!(
        refused(("KAFMESH_WATCH", "off"), None).await,
        [Code::Unimplemented; 3]
    );
}
