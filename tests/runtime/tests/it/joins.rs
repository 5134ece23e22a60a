//! Joined tables: complete before the first record, as new as the records that are joined with them.

use std::collections::BTreeMap;
use std::path::Path;

use kafmesh::codegen::v1::Context;
use kafmesh::{Config, Result};
use kafmesh_runtime_tests::kafka::{self, GroupWatch, Put, Writer};
use kafmesh_runtime_tests::{Count, Shape};
use prost::Message as _;

use crate::support::{Running, config, incremental, unique};

const COMPACTED: &[(&str, &str)] = &[("cleanup.policy", "compact")];

/// Joins clicks with `owners`.
fn shape(name: &str, partitions: i32) -> Shape {
    Shape {
        joins: vec!["owners"],
        state: false,
        ..Shape::counter(unique(name), partitions)
    }
}

/// Puts out what the join has, or a delete.
fn joining(_: usize, context: &mut Context<'_, Count>, _: Option<&[u8]>) -> Result<()> {
    match context.join::<Count>(0)? {
        Some(owner) => context.output(0, context.key(), &owner),
        None => context.output_delete(0, context.key()),
    }
    Ok(())
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

fn click(writer: &Writer, shape: &Shape, key: &str) {
    let click = Put {
        key: Some(key.as_bytes()),
        value: Some(&[8, 1]),
        ..Put::default()
    };
    writer.put(&shape.topic("clicks"), click);
}

fn clicks(shape: &Shape) -> GroupWatch {
    GroupWatch::new(&shape.group(), &shape.topic("clicks"), shape.partitions)
}

#[tokio::test]
async fn a_join_is_complete_before_the_first_record_and_kept_over_a_restart() {
    const KEYS: u64 = 20_000;
    let shape = shape("joined", 2);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let (owners, totals) = (shape.topic("owners"), shape.topic("totals"));
    // Records of a topic that is compacted and nothing else cannot be deleted.
    let policy = [("cleanup.policy", "compact,delete")];
    kafka::create(&owners, 2, &policy).await;
    kafka::create(&shape.topic("clicks"), 2, &[]).await;
    let writer = Writer::new();
    let mut truth = BTreeMap::new();
    for number in 0..3 * KEYS {
        let (key, count) = (format!("k{}", number % KEYS), number + 1);
        put(&writer, &owners, &key, Some(count));
        truth.insert(key, count);
    }
    for key in ["k7", "k8"] {
        put(&writer, &owners, key, None);
        truth.remove(key);
    }
    let all = |writer: &Writer| {
        for number in 0..1000 {
            click(writer, &shape, &format!("k{number}"));
        }
        writer.finish();
    };
    all(&writer);
    truth.retain(|key, _| key[1..].parse::<u64>().unwrap() < 1000);

    let running = Running::handling(mesh, config(state.path()), joining).await;
    clicks(&shape).caught_up().await;
    running.stop().await;
    assert_eq!(kafka::last_counts(&totals), truth);
    assert_eq!(kafka::read(&totals).len(), 1000, "each clicked once");

    // The topic has nothing any more, so what is joined now is what was kept.
    kafka::truncate(&owners, 2).await;
    put(&writer, &owners, "k9", Some(9));
    truth.insert("k9".to_owned(), 9);
    all(&writer);
    let running = Running::handling(mesh, config(state.path()), joining).await;
    clicks(&shape).caught_up().await;
    running.stop().await;
    assert_eq!(kafka::last_counts(&totals), truth);
    assert_eq!(kafka::read(&totals).len(), 2000);

    kafka::delete(&owners).await;
    kafka::create(&owners, 2, COMPACTED).await;
    put(&writer, &owners, "k9", Some(10));
    all(&writer);
    let running = Running::handling(mesh, config(state.path()), joining).await;
    clicks(&shape).caught_up().await;
    running.stop().await;
    assert_eq!(kafka::last_counts(&totals), [("k9".to_owned(), 10)].into());
}

#[tokio::test]
async fn a_record_sees_every_change_that_was_acknowledged_before_it() {
    let shape = shape("order", 1);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let owners = shape.topic("owners");
    kafka::create(&owners, 1, COMPACTED).await;
    let running = Running::handling(mesh, config(state.path()), joining).await;
    let writer = Writer::new();
    let mut expected = Vec::new();
    for round in 1..=20 {
        for number in 0..2_000 {
            put(&writer, &owners, "k", Some(round * 10_000 + number));
        }
        let last = (round % 4 != 0).then_some(round);
        put(&writer, &owners, "k", last);
        writer.finish();
        click(&writer, &shape, "k");
        writer.finish();
        expected.push(last);
        if round % 5 == 0 {
            clicks(&shape).caught_up().await;
        }
    }
    running.stop().await;
    let seen = kafka::read(&shape.topic("totals")).into_iter();
    let count = |value: Vec<u8>| Count::decode(&*value).unwrap().count;
    // Later changes may be seen, too, by a click that waited; but none is missed.
    let seen: Vec<_> = seen.map(|record| record.value.map(count)).collect();
    assert_eq!(seen.len(), expected.len());
    for (round, seen) in (1..).zip(seen) {
        let is_new = match seen {
            None => true,
            Some(count) if count < 10_000 => count >= round,
            Some(count) => count / 10_000 > round,
        };
        assert!(is_new, "the click of round {round} saw {seen:?}");
    }
}

#[tokio::test]
async fn an_empty_join_holds_nothing_up_and_an_entry_that_cannot_be_read_stops() {
    let shape = shape("emptyjoin", 2);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let owners = shape.topic("owners");
    kafka::create(&owners, 2, COMPACTED).await;
    let running = Running::handling(mesh, config(state.path()), joining).await;
    let writer = Writer::new();
    click(&writer, &shape, "a");
    click(&writer, &shape, "b");
    writer.finish();
    clicks(&shape).caught_up().await;
    assert_eq!(kafka::last_counts(&shape.topic("totals")), BTreeMap::new());

    let entry = Put {
        key: Some(b"a"),
        value: Some(b"\xff"),
        ..Put::default()
    };
    kafka::write(&owners, [entry]);
    click(&writer, &shape, "a");
    writer.finish();
    let error = running.ended().await.unwrap_err().to_string();
    let begins = format!(
        "processor counter of component counting stopped: cannot handle the record at topic {}, ",
        shape.topic("clicks")
    );
    assert!(error.starts_with(&begins), "{error}");
    let names = format!(
        "the entry of key \"a\" in the local table of {owners} cannot be read: its value is not a Count: "
    );
    assert!(error.contains(&names), "{error}");
}

#[tokio::test]
async fn a_table_that_is_written_in_transactions_is_joined_as_committed() {
    let shape = shape("transactions", 1);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let owners = shape.topic("owners");
    kafka::create(&owners, 1, COMPACTED).await;
    let running = Running::handling(mesh, config(state.path()), joining).await;
    let writer = Writer::new();
    // The end lies behind markers and aborted records, which nobody is given.
    for (value, commit) in [([8, 1], true), ([8, 2], false), ([8, 3], true)] {
        let owner = Put {
            key: Some(b"k"),
            value: Some(&value),
            ..Put::default()
        };
        kafka::write_in_transaction(&owners, [owner], commit);
        click(&writer, &shape, "k");
        writer.finish();
        clicks(&shape).caught_up().await;
    }
    running.stop().await;
    let seen = kafka::read(&shape.topic("totals")).into_iter();
    let seen: Vec<_> = seen.filter_map(|record| record.value).collect();
    assert_eq!(seen, [[8, 1], [8, 1], [8, 3]]);
}

/// Adds up the records of both inputs, and what the join has for the key.
fn adding(_: usize, context: &mut Context<'_, Count>, _: Option<&[u8]>) -> Result<()> {
    let mut state = context.state()?;
    state.count += context.join::<Count>(0)?.unwrap_or_default().count;
    context.output(0, context.key(), &state);
    context.save_state(state);
    Ok(())
}

#[tokio::test]
async fn inputs_and_joins_of_a_partition_stay_on_one_member() {
    stay_together("together", config).await;
}

#[tokio::test]
async fn so_they_do_where_only_some_partitions_move() {
    stay_together("incremental", incremental).await;
}

/// Lets members come and go.
async fn stay_together(name: &str, config: fn(&Path) -> Config) {
    const KEYS: u64 = 200;
    let shape = Shape {
        inputs: vec!["clicks", "taps"],
        joins: vec!["owners"],
        ..Shape::counter(unique(name), 4)
    };
    let mesh = shape.build();
    let owners = shape.topic("owners");
    kafka::create(&owners, 4, COMPACTED).await;
    let writer = Writer::new();
    for key in 0..KEYS {
        put(&writer, &owners, &format!("k{key}"), Some(key + 1));
    }
    writer.finish();
    let states: [_; 3] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let start = |of: usize| Running::handling(mesh, config(states[of].path()), adding);
    let mut rounds = 0;
    let mut write = || {
        for key in 0..KEYS {
            for topic in ["clicks", "taps"] {
                let key = format!("k{key}");
                let record = Put {
                    key: Some(key.as_bytes()),
                    value: Some(&[8, 1]),
                    ..Put::default()
                };
                writer.put(&shape.topic(topic), record);
            }
        }
        writer.finish();
        rounds += 2;
    };
    let taps = GroupWatch::new(&shape.group(), &shape.topic("taps"), 4);

    let first = start(0).await;
    write();
    clicks(&shape).caught_up().await;
    let second = start(1).await;
    write();
    let third = start(2).await;
    write();
    clicks(&shape).caught_up().await;
    taps.caught_up().await;
    first.stop().await;
    write();
    third.stop().await;
    write();
    clicks(&shape).caught_up().await;
    taps.caught_up().await;
    second.stop().await;

    let truth = (0..KEYS).map(|key| (format!("k{key}"), rounds * (key + 1)));
    assert_eq!(kafka::last_counts(&shape.topic("totals")), truth.collect());
    assert_eq!(
        kafka::read(&shape.topic("totals")).len() as u64,
        rounds * KEYS,
        "one output per record"
    );
}
