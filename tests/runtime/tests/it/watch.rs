//! Watching a processor over gRPC while records flow.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use kafmesh::codegen::v1::Context;
use kafmesh::{Config, Result};
use kafmesh_proto::watch::v1::action::Action as Shown;
use kafmesh_proto::watch::v1::watch_api_client::WatchApiClient;
use kafmesh_proto::watch::v1::{Operation, ProcessorRequest, ProcessorResponse};
use kafmesh_runtime_tests::kafka::{self, GroupWatch, Put, Writer};
use kafmesh_runtime_tests::{Count, Handler, Mesh, Shape, counting};
use prost::Message as _;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::support::{PATIENCE, Running, config, free_port, unique, until};

async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
    endpoint.connect().await.unwrap()
}

async fn watch(
    channel: &Channel,
    processor: &str,
    key: &str,
) -> std::result::Result<Streaming<ProcessorResponse>, Status> {
    let request = ProcessorRequest {
        component: "counting".to_owned(),
        processor: processor.to_owned(),
        key: key.to_owned(),
    };
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

#[tokio::test]
async fn a_stalled_watcher_holds_up_nothing() {
    const RECORDS: u64 = 200_000;
    let shape = Shape::counter(unique("stalled"), 2);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let config = config(state.path()).with_watch_rate(1_000_000.try_into().unwrap());
    let (running, channel) = start(mesh, config, counting).await;
    let mut stalled = watch(&channel, "counter", "").await.unwrap();
    let writer = Writer::new();
    for number in 0..RECORDS {
        put(
            &writer,
            &shape.topic("clicks"),
            &format!("k{}", number % 1000),
            1,
        );
    }
    writer.finish();
    GroupWatch::new(&shape.group(), &shape.topic("clicks"), shape.partitions)
        .caught_up()
        .await;
    let totals = kafka::last_counts(&shape.topic("totals"));
    assert_eq!(totals.values().sum::<u64>(), RECORDS);

    // Only now it is read.
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
    running.stop().await;
}
