//! Taps, hubs and streams together, without Kafka and on virtual time.

use std::sync::Arc;
use std::time::Duration;

use kafmesh_proto::watch::v1::action::Action as Shown;
use kafmesh_proto::watch::v1::{Operation, ProcessorResponse};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use super::hub::{QUEUE, QUEUE_BYTES};
use super::operation::{Kind, MAX_ACTIONS, MAX_BYTES, MAX_ERROR, MAX_VALUE};
use super::process::MAX_WATCHERS;
use super::stream::Operations;
use super::{Access, Hub, Tap, Watching};
use crate::codegen::v1::{ComponentDescriptor, OutputDescriptor, ProcessorDescriptor, TopicUse};
use crate::config::Config;
use crate::error::Error;
use crate::kafka::{Headers, Record};

const fn topic(topic: &'static str) -> TopicUse {
    TopicUse {
        topic,
        message: "a.b",
        message_type: "",
    }
}

const fn processor(
    name: &'static str,
    inputs: &'static [TopicUse],
    outputs: &'static [OutputDescriptor],
) -> ProcessorDescriptor {
    ProcessorDescriptor {
        name,
        description: "",
        group: "s.c",
        inputs,
        joins: &[],
        lookups: &[],
        outputs,
        persistence: Some(topic("s.c-table")),
    }
}

const fn output(name: &'static str) -> OutputDescriptor {
    OutputDescriptor {
        topic: topic(name),
        description: "",
    }
}

static COUNT: ProcessorDescriptor = processor("count", &[topic("clicks")], &[output("counts")]);
static RESET: ProcessorDescriptor = processor(
    "reset",
    &[topic("resets"), topic("clicks")],
    &[output("resets-done")],
);
static BOTH: ProcessorDescriptor = processor(
    "count + reset",
    &[topic("clicks"), topic("resets")],
    &[output("counts"), output("resets-done")],
);
static COMPONENT: ComponentDescriptor = ComponentDescriptor {
    name: "c",
    description: "",
    sources: &[],
    processors: &[&COUNT, &RESET],
    views: &[],
    sinks: &[],
    view_sources: &[],
    view_sinks: &[],
};

/// A process with the two processors, of which a watcher is shown `rate` operations per second.
fn process(rate: u32) -> (Watching, Arc<Hub>) {
    let config = Config::new("").with_watch_rate(rate.try_into().unwrap());
    let watching = Watching::new(Access::new(&config).unwrap(), b"");
    let hub = watching.add(&COMPONENT, &BOTH).unwrap();
    (watching, hub)
}

async fn watch(watching: &Watching, processor: &str, key: &str) -> Result<Operations, Status> {
    let metadata = MetadataMap::new();
    watching.watch(&metadata, "c", processor, key).await
}

fn record<'a>(offset: i64, key: &'a str, value: &'a [u8]) -> Record<'a> {
    Record {
        offset,
        timestamp: 7,
        key: Some(key.as_bytes()),
        value: Some(value),
        headers: Headers::memory(&[]),
    }
}

/// Handles records that do nothing.
fn handle(tap: &mut Tap, offsets: std::ops::Range<i64>, value: &[u8]) {
    for offset in offsets {
        tap.begin(0, 0, &record(offset, "k", value));
        tap.end(None);
    }
    tap.settle();
}

/// What is there by now, and how much of it was lost.
async fn ready(operations: &mut Operations) -> (Vec<Operation>, u64) {
    let (mut shown, mut lost) = (Vec::new(), 0);
    // Longer than losses wait to be told, shorter than more takes to be allowed.
    while let Ok(Some(next)) =
        tokio::time::timeout(Duration::from_millis(1), operations.next()).await
    {
        lost += next.lost;
        shown.extend(next.operation);
    }
    (shown, lost)
}

#[tokio::test(start_paused = true)]
async fn a_record_is_shown_with_what_its_handler_did_in_order() {
    let (watching, hub) = process(100);
    let mut tap = Tap::new(hub);
    handle(&mut tap, 0..1, b"before");
    let mut count = watch(&watching, "count", "").await.unwrap();
    let mut reset = watch(&watching, "reset", "k").await.unwrap();

    tap.begin(0, 3, &record(1, "k", b"\x08\x01"));
    tap.act_on_state(0, Kind::GetState, None::<&u64>);
    tap.act_on_state(0, Kind::SetState, Some(&1_u64));
    tap.act(0, Kind::Output(0), "out", Some(b"\x08\x02"));
    tap.act(1, Kind::Output(1), "k", None);
    tap.end(Some(&Error::handler("it broke")));
    // Not this one's key; and not this one's input.
    tap.begin(0, 3, &record(2, "other", b""));
    tap.end(None);
    tap.begin(1, 3, &record(3, "k", b""));
    tap.end(None);
    drop(tap);

    let (shown, lost) = ready(&mut count).await;
    assert_eq!(lost, 0);
    let offsets = |shown: &[Operation]| -> Vec<_> {
        let inputs = shown.iter().map(|operation| operation.input.as_ref());
        inputs.map(|input| input.unwrap().offset).collect()
    };
    assert_eq!(offsets(&shown), [1, 2]);
    let input = shown[0].input.as_ref().unwrap();
    assert_eq!(
        (input.topic.as_str(), input.partition, input.key.as_str()),
        ("clicks", 3, "k")
    );
    assert_eq!(input.timestamp.unwrap().nanos, 7_000_000);
    assert!(shown[0].error.contains("it broke"), "{}", shown[0].error);
    assert!(shown[1].error.is_empty());
    let actions: Vec<_> = shown[0]
        .actions
        .iter()
        .map(|it| it.action.as_ref())
        .collect();
    let [
        Some(Shown::GetState(get)),
        Some(Shown::SetState(set)),
        Some(Shown::Output(out)),
    ] = &actions[..]
    else {
        panic!("{actions:?}")
    };
    assert_eq!((get.topic.as_str(), get.value.as_str()), ("s.c-table", ""));
    assert!(set.value.contains(r#""@base64":"CAE=""#), "{}", set.value);
    assert_eq!((out.topic.as_str(), out.key.as_str()), ("counts", "out"));

    let (shown, _) = ready(&mut reset).await;
    assert_eq!(offsets(&shown), [1, 3]);
    let Some(Shown::Output(out)) = &shown[0].actions[0].action else {
        panic!("{:?}", shown[0])
    };
    assert_eq!(
        (out.topic.as_str(), out.value.as_str()),
        ("resets-done", "")
    );
    assert_eq!(shown[0].actions.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_watcher_loses_what_does_not_fit_and_is_told_how_much() {
    let (watching, hub) = process(1_000_000);
    let mut tap = Tap::new(Arc::clone(&hub));
    let mut stalled = watch(&watching, "count", "").await.unwrap();
    handle(&mut tap, 0..200_000, b"value");
    let (shown, lost) = ready(&mut stalled).await;
    assert_eq!(shown.len(), QUEUE);
    assert_eq!(shown.len() as u64 + lost, 200_000);
    assert_eq!(stalled.watcher().queued_bytes(), 0);

    // Large values fill fewer places.
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(ready(&mut stalled).await, (vec![], 0));
    let large = vec![b'x'; MAX_VALUE];
    handle(&mut tap, 0..10_000, &large);
    let waiting = stalled.watcher().queued_bytes();
    assert!(
        (QUEUE_BYTES / 2..=QUEUE_BYTES).contains(&waiting),
        "{waiting}"
    );
    let (shown, lost) = ready(&mut stalled).await;
    assert!(shown.len() < QUEUE_BYTES / MAX_VALUE);
    assert_eq!(shown.len() as u64 + lost, 10_000);
    drop(stalled);
    assert_eq!(hub.watching(), 0);
}

#[tokio::test(start_paused = true)]
async fn more_than_the_rate_is_lost_and_told_without_an_operation() {
    let (watching, hub) = process(10);
    let mut tap = Tap::new(hub);
    let mut watched = watch(&watching, "count", "").await.unwrap();
    handle(&mut tap, 0..50, b"");
    let (shown, lost) = ready(&mut watched).await;
    assert_eq!((shown.len(), lost), (10, 40));
    handle(&mut tap, 50..70, b"");
    let told = tokio::time::timeout(Duration::from_secs(2), watched.next()).await;
    let only_lost = ProcessorResponse {
        operation: None,
        lost: 20,
    };
    assert_eq!(told.unwrap(), Some(only_lost));
    let more = tokio::time::timeout(Duration::from_secs(60), watched.next()).await;
    assert!(more.is_err(), "nothing is lost any more");
    handle(&mut tap, 70..90, b"");
    assert_eq!(ready(&mut watched).await.0.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_is_left_out_and_said() {
    let (watching, hub) = process(100);
    let mut tap = Tap::new(hub);
    let mut watched = watch(&watching, "count", "").await.unwrap();
    let value = vec![b'x'; MAX_VALUE];
    let key = "ä".repeat(2000);
    tap.begin(0, 0, &record(0, &key, &value));
    for _ in 0..MAX_ACTIONS + 5 {
        tap.act(0, Kind::Output(0), "k", Some(&value));
    }
    tap.end(None);
    let (shown, _) = ready(&mut watched).await;
    let input = shown[0].input.as_ref().unwrap();
    assert!(
        input.key.ends_with("ä…") && input.key.len() <= 1024 + 3,
        "{}",
        input.key
    );
    assert_eq!(shown[0].actions.len(), MAX_ACTIONS);
    assert_eq!(shown[0].omitted_actions, 5);
    let actions = shown[0].actions.iter();
    let cut = actions.filter(|action| match &action.action {
        Some(Shown::Output(output)) => output.value.contains("it is too long to be shown"),
        other => panic!("{other:?}"),
    });
    assert_eq!(cut.count(), MAX_ACTIONS - (MAX_BYTES / MAX_VALUE - 2));

    tap.begin(0, 0, &record(1, "k", b""));
    tap.end(Some(&Error::handler("ä".repeat(MAX_ERROR))));
    let (shown, _) = ready(&mut watched).await;
    let error = &shown[0].error;
    assert!(error.ends_with("ä…"), "{error}");
    assert!(error.len() <= MAX_ERROR + "…".len(), "{}", error.len());
}

#[tokio::test]
async fn as_many_may_watch_as_there_are_places() {
    let (watching, hub) = process(100);
    let mut all = Vec::new();
    for _ in 0..MAX_WATCHERS {
        all.push(watch(&watching, "count", "").await.unwrap());
    }
    assert_eq!(hub.watching(), MAX_WATCHERS);
    let refused = watch(&watching, "reset", "").await.err().unwrap();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(
        refused.message(),
        "16 watch this process already, and more may not; try again when one of them has left"
    );
    all.pop();
    drop(watch(&watching, "reset", "").await.unwrap());
    drop(all);
    assert_eq!((hub.watching(), hub.generation()), (0, 0));
}

#[tokio::test]
async fn what_is_not_registered_is_named_as_far_as_a_name_goes() {
    let (watching, _) = process(100);
    let refusal = async |processor: &str| {
        let refused = watch(&watching, processor, "").await.err().unwrap();
        assert_eq!(refused.code(), Code::NotFound);
        refused.message().to_owned()
    };
    let named = |name: &str| {
        format!("no processor {name:?} of a component \"c\" is registered in this process")
    };
    assert_eq!(refusal("other").await, named("other"));
    let long = "ä".repeat(100);
    assert_eq!(refusal(&long).await, named(&long));
    let longer = "ä".repeat(1 << 20);
    assert_eq!(refusal(&longer).await, named(&format!("{long}…")));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_service_ends_the_stream_after_what_waits() {
    let (watching, hub) = process(100);
    let mut tap = Tap::new(hub);
    let mut watched = watch(&watching, "count", "").await.unwrap();
    handle(&mut tap, 0..3, b"");
    watching.close();
    for _ in 0..3 {
        assert!(watched.next().await.unwrap().operation.is_some());
    }
    assert_eq!(watched.next().await, None);
}
