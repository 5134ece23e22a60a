//! Sinks: batches, what is committed when, writes that fail, partitions that move.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafmesh::codegen::v1::Service;
use kafmesh::{Batching, Config, Error, SinkRecord};
use kafmesh_runtime_tests::kafka::{self, GroupWatch, Put, Writer, eventually};
use kafmesh_runtime_tests::{Click, Parts, Ship, millis};
use prost::Message as _;

use crate::support::{Counter, Running, an_hour_ago, config, incremental, unique};

/// Longer than any test: nothing is written because of the time that passes.
const NEVER: Duration = Duration::from_secs(3600);

/// Batches that were written, for the test and the sink.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<Vec<SinkRecord<Click>>>>>);

impl Written {
    fn push(&self, batch: &[SinkRecord<Click>]) {
        self.0.lock().unwrap().push(batch.to_vec());
    }

    fn sizes(&self) -> Vec<usize> {
        self.0.lock().unwrap().iter().map(Vec::len).collect()
    }

    fn count(&self) -> usize {
        self.sizes().into_iter().sum()
    }

    fn records(&self) -> Vec<SinkRecord<Click>> {
        self.0.lock().unwrap().concat()
    }

    /// The offsets of every partition in the order they were written.
    fn offsets(&self) -> BTreeMap<i32, Vec<i64>> {
        let mut offsets = BTreeMap::<_, Vec<_>>::new();
        for record in self.records() {
            offsets
                .entry(record.partition)
                .or_default()
                .push(record.offset);
        }
        offsets
    }
}

/// Runs a sink of `parts` that takes `pause` per batch and calls `write`.
async fn shipping<F>(parts: Parts, batching: Batching, pause: Duration, write: F) -> Running
where
    F: FnMut(&[SinkRecord<Click>]) -> kafmesh::Result<()> + Send + 'static,
{
    // A sink keeps nothing there.
    let nowhere = Path::new("/nowhere");
    shipping_with(config(nowhere), parts, batching, pause, write).await
}

async fn shipping_with<F>(
    config: Config,
    parts: Parts,
    batching: Batching,
    pause: Duration,
    write: F,
) -> Running
where
    F: FnMut(&[SinkRecord<Click>]) -> kafmesh::Result<()> + Send + 'static,
{
    let mut service = Service::connect(config, parts.service).await.unwrap();
    let descriptor = parts.sink;
    let sink = Ship {
        descriptor,
        pause,
        write,
    };
    service
        .registry()
        .register_sink(parts.component, sink, batching)
        .unwrap();
    Running::start(service)
}

fn watch(parts: Parts, partitions: i32) -> GroupWatch {
    GroupWatch::new(parts.sink.group, parts.sink.topic.topic, partitions)
}

/// Writes clicks of amounts 1, 2, … into the partitions by turns.
fn click(parts: Parts, partitions: i32, count: u64) {
    let writer = Writer::new();
    for number in 0..count {
        let click = Click {
            amount: number + 1,
            note: String::new(),
        };
        let (key, value) = (format!("k{number}"), click.encode_to_vec());
        let put = Put {
            key: Some(key.as_bytes()),
            value: Some(&value),
            partition: Some((number % partitions as u64) as i32),
            ..Put::default()
        };
        writer.put(parts.sink.topic.topic, put);
    }
    writer.finish();
}

/// Every offset below the ends of the topic once and in order.
fn once(parts: Parts, partitions: i32) -> BTreeMap<i32, Vec<i64>> {
    let extents = kafka::extents(parts.sink.topic.topic, partitions);
    (0..)
        .zip(extents)
        .map(|(partition, (low, high))| (partition, (low..high).collect()))
        .collect()
}

#[tokio::test]
async fn a_batch_is_written_when_it_is_full_and_the_rest_at_a_stop() {
    let parts = Parts::new(&unique("bycount"), 2);
    let written = Written::default();
    let batching = Batching::default().with_records(100).with_interval(NEVER);
    let store = written.clone();
    let running = shipping(parts, batching, Duration::ZERO, move |batch| {
        store.push(batch);
        Ok(())
    })
    .await;
    let group = watch(parts, 2);
    click(parts, 2, 250);
    group.reached(200).await;
    assert_eq!(written.sizes(), [100, 100]);
    running.stop().await;
    assert_eq!(written.sizes(), [100, 100, 50]);
    assert_eq!(group.committed(), [125, 125]);
    assert_eq!(written.offsets(), once(parts, 2));
}

#[tokio::test]
async fn a_batch_is_written_when_its_oldest_record_has_waited() {
    let parts = Parts::new(&unique("byinterval"), 1);
    let written = Written::default();
    let batching = Batching::default().with_interval(Duration::from_millis(300));
    let store = written.clone();
    let running = shipping(parts, batching, Duration::ZERO, move |batch| {
        store.push(batch);
        Ok(())
    })
    .await;
    click(parts, 1, 5);
    watch(parts, 1).caught_up().await;
    assert_eq!(written.count(), 5, "far from the 1000 of a full batch");
    running.stop().await;
}

#[tokio::test]
async fn offsets_are_committed_after_the_write_only() {
    let parts = Parts::new(&unique("after"), 1);
    let batching = Batching::default().with_interval(Duration::from_millis(10));
    let group = watch(parts, 1);
    let before = Arc::<Mutex<Vec<_>>>::default();
    let seen = Arc::clone(&before);
    let running = shipping(parts, batching, Duration::from_millis(300), move |batch| {
        // Nothing of the batch at hand, everything of those before it.
        let committed = watch(parts, 1).committed()[0];
        seen.lock().unwrap().push((committed, batch[0].offset));
        Ok(())
    })
    .await;
    for _ in 0..3 {
        click(parts, 1, 10);
        group.caught_up().await;
    }
    running.stop().await;
    let before = before.lock().unwrap();
    assert!(before.len() >= 3, "{before:?}");
    assert!(
        before.iter().all(|(committed, first)| committed == first),
        "{before:?}"
    );
}

#[tokio::test]
async fn a_write_that_fails_or_panics_is_tried_again_with_the_same_batch() {
    let parts = Parts::new(&unique("again"), 2);
    let attempts = Written::default();
    let batching = Batching::default().with_records(10).with_interval(NEVER);
    let store = attempts.clone();
    let running = shipping(parts, batching, Duration::ZERO, move |batch| {
        store.push(batch);
        match store.sizes().len() {
            1 => Err(Error::handler("the warehouse is closed")),
            2 => panic!("the warehouse burns"),
            _ => Ok(()),
        }
    })
    .await;
    click(parts, 2, 10);
    watch(parts, 2).caught_up().await;
    running.stop().await;
    let attempts = attempts.0.lock().unwrap();
    assert_eq!(attempts.len(), 3);
    assert!(attempts.iter().all(|batch| *batch == attempts[0]));
}

#[tokio::test]
async fn a_write_that_goes_on_failing_stops_the_service_and_is_repeated_by_the_next() {
    let parts = Parts::new(&unique("fails"), 1);
    let attempts = Written::default();
    let batching = Batching::default()
        .with_records(3)
        .with_interval(NEVER)
        .with_retry_for(Duration::from_secs(1));
    let store = attempts.clone();
    let running = shipping(parts, batching, Duration::ZERO, move |batch| {
        store.push(batch);
        if batch[0].offset == 0 {
            Ok(())
        } else {
            Err(Error::handler("the warehouse is closed"))
        }
    })
    .await;
    click(parts, 1, 6);
    let error = running.ended().await.unwrap_err().to_string();
    let topic = parts.sink.topic.topic;
    let count = attempts.sizes().len() - 1;
    assert!(count > 2, "{count} attempts");
    assert_eq!(
        error,
        format!(
            "sink shipping of component parts stopped: cannot write 3 records, \
             from topic {topic}, partition 0, offset 3, key \"k3\" to topic {topic}, partition 0, offset 5, key \"k5\", \
             after {count} attempts: the warehouse is closed; they stay in the topic, and are written when the service runs again"
        )
    );
    assert_eq!(watch(parts, 1).committed(), [3]);

    let written = Written::default();
    let store = written.clone();
    let running = shipping(parts, batching, Duration::ZERO, move |batch| {
        store.push(batch);
        Ok(())
    })
    .await;
    watch(parts, 1).caught_up().await;
    running.stop().await;
    assert_eq!(written.offsets(), BTreeMap::from([(0, vec![3, 4, 5])]));
}

#[tokio::test]
async fn a_stop_cuts_the_pauses_of_a_failing_write_short() {
    let parts = Parts::new(&unique("cut"), 1);
    let attempts = Written::default();
    let batching = Batching::default().with_records(1).with_retry_for(NEVER);
    let store = attempts.clone();
    let running = shipping(parts, batching, Duration::ZERO, move |batch| {
        store.push(batch);
        Err(Error::handler("the warehouse is closed"))
    })
    .await;
    click(parts, 1, 1);
    eventually("it is tried a few times", || attempts.sizes().len() > 3).await;
    let error = running.stopped().await.unwrap_err().to_string();
    assert!(error.contains("cannot write 1 record, from"), "{error}");
    assert!(error.ends_with("the warehouse is closed; they stay in the topic, and are written when the service runs again"), "{error}");
    assert_eq!(watch(parts, 1).committed(), [0]);
}

#[tokio::test]
async fn records_are_as_they_were_written_and_deletes_are_told() {
    let parts = Parts::new(&unique("fields"), 1);
    let written = Written::default();
    let store = written.clone();
    let running = shipping(
        parts,
        Batching::default().with_records(3),
        Duration::ZERO,
        move |batch| {
            store.push(batch);
            Ok(())
        },
    )
    .await;
    let topic = parts.sink.topic.topic;
    let at = an_hour_ago();
    let put = Put {
        key: Some(b"a"),
        value: Some(&[8, 7]),
        timestamp: Some(at),
        headers: &[("trace", b"1"), ("empty", b"")],
        ..Put::default()
    };
    let delete = Put {
        key: Some(b"b"),
        timestamp: Some(at + 1),
        ..Put::default()
    };
    kafka::write(topic, [put, delete]);
    watch(parts, 1).caught_up().await;
    running.stop().await;
    let records = written.records();
    let [put, delete] = &*records else {
        panic!("{records:?}")
    };
    assert_eq!((&*put.topic, put.partition, put.offset), (topic, 0, 0));
    assert_eq!((&*put.key, millis(put.timestamp)), ("a", at));
    assert_eq!(put.value.as_ref().map(|click| click.amount), Some(7));
    assert_eq!(
        put.headers,
        [
            ("trace".to_owned(), b"1".to_vec()),
            ("empty".to_owned(), vec![])
        ]
    );
    assert_eq!(
        (delete.offset, &*delete.key, millis(delete.timestamp)),
        (1, "b", at + 1)
    );
    assert_eq!((&delete.value, &*delete.headers), (&None, &[][..]));
}

#[tokio::test]
async fn a_record_that_cannot_be_decoded_stops_the_service_after_what_came_before() {
    let parts = Parts::new(&unique("bad"), 1);
    let written = Written::default();
    let store = written.clone();
    let batching = Batching::default().with_records(2).with_interval(NEVER);
    let running = shipping(parts, batching, Duration::ZERO, move |batch| {
        store.push(batch);
        Ok(())
    })
    .await;
    click(parts, 1, 3);
    let topic = parts.sink.topic.topic;
    let bad = Put {
        key: Some(b"bad"),
        value: Some(b"\xff"),
        ..Put::default()
    };
    kafka::write(topic, [bad]);
    click(parts, 1, 3);
    assert_eq!(
        running.ended().await.unwrap_err().to_string(),
        format!(
            "sink shipping of component parts stopped: cannot decode the record at topic {topic}, partition 0, offset 3, \
             key \"bad\": its value is not a Click: failed to decode Protobuf message: invalid varint"
        )
    );
    assert_eq!(written.sizes(), [2, 1]);
    assert_eq!(watch(parts, 1).committed(), [3]);
}

#[tokio::test]
async fn processes_share_the_partitions_and_what_moves_in_order_is_written_once_and_in_order() {
    sharing("share", config(Path::new("/nowhere"))).await;
}

#[tokio::test]
async fn under_the_protocol_consumer_what_moves_in_order_is_written_once_and_in_order() {
    sharing("sharenew", incremental(Path::new("/nowhere"))).await;
}

async fn sharing(name: &str, config: Config) {
    let parts = Parts::new(&unique(name), 4);
    let batching = Batching::default()
        .with_records(50)
        .with_interval(Duration::from_millis(20));
    let all = Written::default();
    let start = |own: &Written| {
        let (own, all) = (own.clone(), all.clone());
        let pause = Duration::from_millis(5);
        shipping_with(config.clone(), parts, batching, pause, move |batch| {
            own.push(batch);
            all.push(batch);
            Ok(())
        })
    };
    let (one, two) = (Written::default(), Written::default());
    let first = start(&one).await;
    click(parts, 4, 4_000);
    eventually("the first writes", || one.count() > 100).await;
    let second = start(&two).await;
    // However long it takes to be given partitions, there is something left to write then.
    eventually("the second writes, too", || {
        click(parts, 4, 40);
        two.count() > 0
    })
    .await;
    click(parts, 4, 4_000);
    let before = one.count();
    eventually("the first still writes", || one.count() > before).await;
    first.stop().await;
    click(parts, 4, 1_000);
    watch(parts, 4).caught_up().await;
    second.stop().await;
    assert_eq!(all.offsets(), once(parts, 4));
}

/// Offsets a `shipper` says it has written, in order.
fn shipped(shipper: &Counter) -> Vec<i64> {
    let output = shipper.output();
    let written = output
        .lines()
        .filter_map(|line| line.strip_prefix("wrote 0/"));
    written.map(|offset| offset.parse().unwrap()).collect()
}

#[tokio::test]
async fn a_process_killed_between_write_and_commit_writes_again_and_loses_nothing() {
    let parts = Parts::new(&unique("killed"), 1);
    let prefix = parts.service.name;
    let state = tempfile::tempdir().unwrap();
    let start = |pause| {
        let variables = [("SHIPPER_PREFIX", prefix), ("SHIPPER_PAUSE_MS", pause)];
        Counter::program(env!("CARGO_BIN_EXE_shipper"), state.path(), &variables)
    };
    kafka::create(parts.sink.topic.topic, 1, &[]).await;
    click(parts, 1, 100);
    let mut first = start("3600000");
    first.says("wrote 0/0").await;
    let written = shipped(&first);
    first.kill();
    assert_eq!(watch(parts, 1).committed(), [0]);

    let mut second = start("0");
    second.says("wrote 0/99").await;
    watch(parts, 1).caught_up().await;
    let again = shipped(&second);
    second.stop().await;
    assert_eq!(again, (0..100).collect::<Vec<_>>());
    assert!(again.starts_with(&written), "{written:?}");
}
