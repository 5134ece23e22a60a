//! View sources: what a sync changes, and whose turn it is.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafmesh::codegen::v1::Service;
use kafmesh::{Config, Schedule};
use kafmesh_runtime_tests::kafka::{self, Put, eventually};
use kafmesh_runtime_tests::{Count, Ending, Keep, Parts, Plan};
use prost::Message;

use crate::support::{Running, config, incremental, unique};

/// Runs the view source of `parts`, which asks `plan` what to do at each sync.
async fn keeping<M, F>(parts: Parts, schedule: Schedule, plan: F) -> Running
where
    M: Message + Default + PartialEq + 'static,
    F: FnMut() -> Plan<M> + Send + 'static,
{
    keeping_with(config, parts, schedule, plan).await
}

async fn keeping_with<M, F>(
    config: fn(&Path) -> Config,
    parts: Parts,
    schedule: Schedule,
    plan: F,
) -> Running
where
    M: Message + Default + PartialEq + 'static,
    F: FnMut() -> Plan<M> + Send + 'static,
{
    let state = tempfile::tempdir().unwrap();
    let mut service = Service::connect(config(state.path()), parts.service)
        .await
        .unwrap();
    let source = Keep::new(parts.view_source, plan);
    service
        .registry()
        .register_view_source(parts.component, source, schedule)
        .unwrap();
    Running::start(service).keeping(state)
}

fn often() -> Schedule {
    Schedule::every(Duration::from_millis(100)).with_timeout(Duration::from_secs(30))
}

fn entries(counts: &[(&str, u64)]) -> Vec<(String, Count)> {
    let counts = counts.iter();
    counts
        .map(|(key, count)| ((*key).to_owned(), Count { count: *count }))
        .collect()
}

/// Creates the topic and lets it hold `counts`.
async fn holding(parts: Parts, partitions: i32, counts: &[(&str, u64)]) {
    let topic = parts.view_source.topic.topic;
    kafka::create(topic, partitions, &[("cleanup.policy", "compact")]).await;
    for (key, count) in entries(counts) {
        let put = Put {
            key: Some(key.as_bytes()),
            value: Some(&count.encode_to_vec()),
            ..Put::default()
        };
        kafka::write(topic, [put]);
    }
}

/// Every record of the topic after the first `known`, in the order of the keys.
fn changes(parts: Parts, known: usize) -> Vec<(String, Option<u64>)> {
    let mut records = kafka::read(parts.view_source.topic.topic);
    records.sort_by_key(|record| record.timestamp);
    let changed = records.into_iter().skip(known).map(|record| {
        let count = |value: Vec<u8>| Count::decode(&*value).unwrap().count;
        (record.key.unwrap(), record.value.map(count))
    });
    let mut changed: Vec<_> = changed.collect();
    changed.sort();
    changed
}

fn change(key: &str, count: Option<u64>) -> (String, Option<u64>) {
    (key.to_owned(), count)
}

#[tokio::test]
async fn a_topic_becomes_equal_to_its_source_and_stays_so() {
    let parts = Parts::new(&unique("keeping"), 3);
    holding(parts, 3, &[("same", 1), ("other", 2), ("gone", 3)]).await;
    let external = Arc::new(Mutex::new(entries(&[
        ("same", 1),
        ("other", 7),
        ("new", 4),
    ])));
    let syncs = Arc::<AtomicUsize>::default();
    let (asked, counted) = (Arc::clone(&external), Arc::clone(&syncs));
    let running = keeping(parts, often(), move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let entries = asked.lock().unwrap().clone();
        Plan {
            entries,
            ending: Ending::Done,
        }
    })
    .await;
    let expected = [
        change("gone", None),
        change("new", Some(4)),
        change("other", Some(7)),
    ];
    eventually("the topic equals its source", || {
        changes(parts, 3) == expected
    })
    .await;
    let before = syncs.load(Ordering::SeqCst);
    eventually("more syncs are made", || {
        syncs.load(Ordering::SeqCst) > before + 3
    })
    .await;
    assert_eq!(changes(parts, 3), expected, "and change nothing");

    *external.lock().unwrap() = entries(&[("same", 1), ("new", 5)]);
    let expected = [change("new", Some(5)), change("other", None)];
    eventually("it follows", || changes(parts, 6) == expected).await;
    running.stop().await;
    assert_eq!(changes(parts, 6), expected);
}

/// Its entries are encoded in another order each time.
#[derive(Clone, PartialEq, prost::Message)]
struct Tally {
    #[prost(map = "string, uint64", tag = "1")]
    counts: HashMap<String, u64>,
}

#[tokio::test]
async fn equal_maps_in_another_order_are_unchanged() {
    let parts = Parts::new(&unique("maps"), 1);
    let encoded = Arc::<Mutex<std::collections::HashSet<Vec<u8>>>>::default();
    let seen = Arc::clone(&encoded);
    let running = keeping(parts, often(), move || {
        let counts = (0..20)
            .map(|number| (format!("k{number}"), number))
            .collect();
        let tally = Tally { counts };
        seen.lock().unwrap().insert(tally.encode_to_vec());
        Plan {
            entries: vec![("all".to_owned(), tally)],
            ending: Ending::Done,
        }
    })
    .await;
    eventually("it was encoded in several orders", || {
        encoded.lock().unwrap().len() > 5
    })
    .await;
    running.stop().await;
    assert_eq!(kafka::read(parts.view_source.topic.topic).len(), 1);
}

#[tokio::test]
async fn a_sync_that_does_not_end_in_order_deletes_nothing() {
    let parts = Parts::new(&unique("endings"), 1);
    holding(parts, 1, &[("gone", 1)]).await;
    let endings = [Ending::Fail, Ending::Panic, Ending::Hang, Ending::Done];
    let syncs = Arc::<Mutex<Vec<_>>>::default();
    let seen = Arc::clone(&syncs);
    let schedule =
        Schedule::every(Duration::from_millis(300)).with_timeout(Duration::from_millis(200));
    let running = keeping(parts, schedule, move || {
        let mut seen = seen.lock().unwrap();
        let ending = endings[seen.len().min(3)];
        seen.push(changes(parts, 1));
        Plan {
            entries: entries(&[("named", 7)]),
            ending,
        }
    })
    .await;
    let expected = [change("gone", None), change("named", Some(7))];
    eventually("the last sync deletes", || changes(parts, 1) == expected).await;
    running.stop().await;
    let syncs = syncs.lock().unwrap();
    assert_eq!(syncs[0], []);
    let updated = [change("named", Some(7))];
    assert_eq!(
        syncs[1..4],
        [updated.clone(), updated.clone(), updated],
        "those before do not"
    );
}

#[tokio::test]
async fn one_process_synchronises_and_another_takes_over() {
    turns("turns", config).await;
}

#[tokio::test]
async fn under_the_protocol_consumer_another_process_takes_over() {
    turns("turnsnew", incremental).await;
}

async fn turns(name: &str, config: fn(&Path) -> Config) {
    let parts = Parts::new(&unique(name), 3);
    let external = Arc::new(Mutex::new(entries(&[("a", 1), ("b", 2)])));
    let start = |syncs: &Arc<AtomicUsize>| {
        let (asked, counted) = (Arc::clone(&external), Arc::clone(syncs));
        keeping_with(config, parts, often(), move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let entries = asked.lock().unwrap().clone();
            Plan {
                entries,
                ending: Ending::Done,
            }
        })
    };
    let syncs = [(); 2].map(|()| Arc::<AtomicUsize>::default());
    let [one, two] = [0, 1].map(|number| {
        let syncs = Arc::clone(&syncs[number]);
        move || syncs.load(Ordering::SeqCst)
    });
    let first = start(&syncs[0]).await;
    eventually("the first synchronises", || one() > 0).await;
    let second = start(&syncs[1]).await;
    // Partition 0 may move when the second joins; whoever has it synchronises alone.
    let between = Mutex::new((one(), two()));
    eventually("one synchronises alone", || {
        let mut between = between.lock().unwrap();
        let more = (one() - between.0, two() - between.1);
        if more.0 > 0 && more.1 > 0 {
            *between = (one(), two());
        }
        more.0 + more.1 > 9
    })
    .await;
    let between = between.into_inner().unwrap();

    let (leader, other, count): (_, _, &dyn Fn() -> usize) = if one() > between.0 {
        (first, second, &two)
    } else {
        (second, first, &one)
    };
    *external.lock().unwrap() = entries(&[("a", 1), ("c", 3)]);
    leader.stop().await;
    let before = count();
    eventually("the other takes over", || count() > before + 1).await;
    other.stop().await;
    let expected = [
        change("a", Some(1)),
        change("b", None),
        change("b", Some(2)),
        change("c", Some(3)),
    ];
    assert_eq!(changes(parts, 0), expected, "nothing is emitted twice");
}

#[tokio::test]
async fn a_sync_under_way_does_not_hold_up_who_takes_over() {
    let parts = Parts::new(&unique("hangs"), 1);
    holding(parts, 1, &[("kept", 1)]).await;
    let syncs = Arc::<AtomicUsize>::default();
    let start = || {
        let counted = Arc::clone(&syncs);
        keeping(
            parts,
            Schedule::every(Duration::from_secs(3600)),
            move || {
                // The first hangs; the one that follows its end does not.
                let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
                Plan {
                    entries: if first {
                        vec![]
                    } else {
                        entries(&[("kept", 1), ("new", 2)])
                    },
                    ending: if first { Ending::Hang } else { Ending::Done },
                }
            },
        )
    };
    let first = start().await;
    eventually("the first hangs", || syncs.load(Ordering::SeqCst) == 1).await;
    let second = start().await;
    eventually("another sync is made", || {
        changes(parts, 1) == [change("new", Some(2))]
    })
    .await;
    first.stop().await;
    second.stop().await;
    assert_eq!(
        changes(parts, 1),
        [change("new", Some(2))],
        "nothing was deleted"
    );
}

#[tokio::test]
async fn what_an_ended_sync_has_emitted_arrives_before_another_process_compares() {
    let parts = Parts::new(&unique("late"), 1);
    let syncs = Arc::<AtomicUsize>::default();
    let start = |config: fn(&Path) -> Config| {
        let counted = Arc::clone(&syncs);
        let schedule = Schedule::every(Duration::from_secs(3600));
        keeping_with(config, parts, schedule, move || {
            let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
            Plan {
                entries: entries(&[("a", if first { 1 } else { 2 })]),
                ending: if first { Ending::Hang } else { Ending::Done },
            }
        })
    };
    // The turn is that of the member whose name comes first.
    let first = start(|state| {
        config(state)
            .with_kafka("client.id", "second")
            .with_kafka("linger.ms", "8000")
    })
    .await;
    eventually("the first emits, and hangs", || {
        syncs.load(Ordering::SeqCst) == 1
    })
    .await;
    let second = start(|state| config(state).with_kafka("client.id", "first")).await;
    eventually("both have emitted", || changes(parts, 0).len() == 2).await;
    second.stop().await;
    first.stop().await;
    let records = kafka::read(parts.view_source.topic.topic);
    let values = records.into_iter().map(|record| record.value.unwrap()[1]);
    assert_eq!(values.collect::<Vec<_>>(), [1, 2]);
}
