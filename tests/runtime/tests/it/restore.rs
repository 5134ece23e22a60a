//! State that comes back from its changelog.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafmesh_runtime_tests::kafka::{self, GroupWatch, Put, Writer};
use kafmesh_runtime_tests::{Shape, counting};

use crate::support::{Clicks, Counter, Running, config, unique};

#[tokio::test]
async fn a_lost_state_directory_is_restored_from_the_changelog() {
    let shape = Shape::counter(unique("lost"), 2);
    let state = tempfile::tempdir().unwrap();
    let mut counter = Counter::start(&shape, state.path(), &[]);
    counter.says("connected").await;
    let mut clicks = Clicks::new(&shape, 1000);
    clicks.write(20_000);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, shape.partitions);
    group.caught_up().await;
    counter.stop().await;

    let other = tempfile::tempdir().unwrap();
    let mut counter = Counter::start(&shape, other.path(), &[]);
    for partition in 0..2 {
        let line = counter
            .says(&format!(
                "state restored topic=\"{}\" partition={partition}",
                shape.changelog()
            ))
            .await;
        assert!(line.contains("records="), "{line}");
    }
    clicks.write(20_500);
    group.caught_up().await;
    counter.stop().await;
    assert_eq!(kafka::last_counts(&shape.changelog()), clicks.truth());
    assert_eq!(kafka::last_counts(&shape.topic("totals")), clicks.truth());

    // What was restored is on disk: the same directory needs no restore.
    let mut counter = Counter::start(&shape, other.path(), &[]);
    counter.says("partitions assigned").await;
    clicks.write(1);
    group.caught_up().await;
    let (status, output) = counter.terminate().await;
    assert!(
        status.success() && !output.contains("restoring state"),
        "{output}"
    );
    assert_eq!(kafka::last_counts(&shape.changelog()), clicks.truth());
}

#[tokio::test]
async fn a_restore_that_is_killed_goes_on_and_misses_nothing() {
    const KEYS: u64 = 40_000;
    let shape = Shape::counter(unique("half"), 1);
    let state = tempfile::tempdir().unwrap();
    let mut counter = Counter::start(&shape, state.path(), &[]);
    counter.says("started").await;
    counter.stop().await;

    // Twice, and long enough that it is written in several parts. The counter skips the second field.
    let count = |key: u64| 1 + key % 100;
    let writer = Writer::new();
    for version in 0..2 {
        for key in 0..KEYS {
            let mut value = vec![8, (version * count(key)) as u8, 18, 200, 1];
            value.resize(205, b'.');
            writer.put(
                &shape.changelog(),
                Put {
                    key: Some(format!("k{key}").as_bytes()),
                    value: Some(&value),
                    ..Put::default()
                },
            );
        }
    }
    writer.finish();

    // Killed later and later, until something was kept of a restore that did not end.
    let mut pause = Duration::ZERO;
    let counter = loop {
        let mut counter = Counter::start(&shape, state.path(), &[]);
        if !counter.says("restoring state").await.contains("from=0 ") {
            break counter;
        }
        pause += Duration::from_millis(150);
        tokio::time::sleep(pause).await;
        let output = counter.kill();
        assert!(!output.contains("state restored"), "{output}");
    };
    let mut clicks = Clicks::new(&shape, KEYS);
    clicks.write(KEYS);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, 1);
    group.caught_up().await;
    counter.stop().await;
    let truth: std::collections::BTreeMap<_, _> = (0..KEYS)
        .map(|key| (format!("k{key}"), 1 + count(key)))
        .collect();
    assert_eq!(kafka::last_counts(&shape.changelog()), truth);
}

#[tokio::test]
async fn a_changelog_created_anew_rebuilds_the_state() {
    let shape = Shape::counter(unique("anew"), 1);
    let state = tempfile::tempdir().unwrap();
    let mut counter = Counter::start(&shape, state.path(), &[]);
    counter.says("connected").await;
    let mut clicks = Clicks::new(&shape, 100);
    clicks.write(5_000);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, 1);
    group.caught_up().await;
    counter.stop().await;

    kafka::delete(&shape.changelog()).await;
    kafka::create(&shape.changelog(), 1, &[("cleanup.policy", "compact")]).await;
    // State by other means, and less of it than there was.
    kafka::write(
        &shape.changelog(),
        [Put {
            key: Some(b"k7"),
            value: Some(&[8, 100]),
            ..Put::default()
        }],
    );
    let mut counter = Counter::start(&shape, state.path(), &[]);
    counter.says("rebuilding the table").await;
    clicks.write(100);
    group.caught_up().await;
    counter.stop().await;

    let mut truth: std::collections::BTreeMap<_, _> =
        (0..100).map(|key| (format!("k{key}"), 1)).collect();
    truth.insert("k7".to_owned(), 101);
    assert_eq!(kafka::last_counts(&shape.changelog()), truth);
}

#[tokio::test]
async fn a_changelog_created_anew_is_noticed_when_it_is_longer_than_the_old_one() {
    let shape = Shape::counter(unique("longer"), 1);
    let state = tempfile::tempdir().unwrap();
    let mut counter = Counter::start(&shape, state.path(), &[]);
    counter.says("connected").await;
    let mut clicks = Clicks::new(&shape, 100);
    clicks.write(1_000);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, 1);
    group.caught_up().await;
    counter.stop().await;
    let (_, end) = kafka::extents(&shape.changelog(), 1)[0];

    kafka::delete(&shape.changelog()).await;
    kafka::create(&shape.changelog(), 1, &[("cleanup.policy", "compact")]).await;
    let state_of = |number: i64| format!("n{}", number % 50);
    let longer = 0..end + 10;
    let writer = Writer::new();
    for number in longer.clone() {
        writer.put(
            &shape.changelog(),
            Put {
                key: Some(state_of(number).as_bytes()),
                value: Some(&[8, 100]),
                ..Put::default()
            },
        );
    }
    writer.finish();
    let mut counter = Counter::start(&shape, state.path(), &[]);
    counter
        .says("it was created anew, or is another cluster's")
        .await;
    clicks.write(100);
    group.caught_up().await;
    counter.stop().await;

    let mut truth: std::collections::BTreeMap<_, _> =
        longer.map(|number| (state_of(number), 100)).collect();
    truth.extend((0..100).map(|key| (format!("k{key}"), 1)));
    assert_eq!(kafka::last_counts(&shape.changelog()), truth);
}

#[tokio::test]
async fn a_changelog_created_anew_under_a_running_service_stops_it() {
    let shape = Shape::counter(unique("under"), 1);
    let state = tempfile::tempdir().unwrap();
    let mut counter = Counter::start(&shape, state.path(), &[]);
    counter.says("connected").await;
    let mut clicks = Clicks::new(&shape, 100);
    clicks.write(100);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, 1);
    group.caught_up().await;
    kafka::delete(&shape.changelog()).await;
    kafka::create(&shape.changelog(), 1, &[("cleanup.policy", "compact")]).await;
    counter
        .says(&format!(
            "following topic {}: it was deleted, or created anew",
            shape.changelog()
        ))
        .await;
    let (status, output) = counter.ended().await;
    assert!(!status.success(), "{output}");

    let counter = Counter::start(&shape, state.path(), &[]);
    clicks.write(100);
    group.caught_up().await;
    counter.stop().await;
    let truth = (0..100).map(|key| (format!("k{key}"), 1)).collect();
    assert_eq!(kafka::last_counts(&shape.changelog()), truth);
}

#[tokio::test]
async fn a_long_restore_does_not_hold_up_other_partitions() {
    const ENTRIES: usize = 300_000;
    let shape = Shape::counter(unique("long"), 2);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let topic = shape.topic("clicks");
    kafka::create(&topic, 2, &[]).await;
    kafka::create(&shape.changelog(), 2, &[("cleanup.policy", "compact")]).await;
    let writer = Writer::new();
    let put = |topic: &str, partition, key: &str, value| {
        writer.put(
            topic,
            Put {
                key: Some(key.as_bytes()),
                value: Some(value),
                partition: Some(partition),
                ..Put::default()
            },
        );
    };
    for entry in 0..ENTRIES {
        put(&shape.changelog(), 0, &format!("old{entry}"), &[8, 5]);
    }
    for record in 0..1000 {
        put(&topic, 0, &format!("old{record}"), &[8, 1]);
        put(&topic, 1, &format!("new{record}"), &[8, 1]);
    }
    writer.finish();

    let order = Arc::<Mutex<Vec<i32>>>::default();
    let seen = Arc::clone(&order);
    let running = Running::handling(mesh, config(state.path()), move |input, context, value| {
        seen.lock().unwrap().push(context.partition());
        counting(input, context, value)
    })
    .await;
    GroupWatch::new(&shape.group(), &topic, 2).caught_up().await;
    running.stop().await;

    assert_eq!(
        *order.lock().unwrap(),
        [[1; 1000], [0; 1000]].concat(),
        "partition 1 first, as a whole"
    );
    let counts = kafka::last_counts(&shape.changelog());
    assert_eq!(counts.len(), ENTRIES + 1000);
    for entry in 0..ENTRIES {
        assert_eq!(
            counts[&format!("old{entry}")],
            if entry < 1000 { 6 } else { 5 }
        );
    }
    assert!((0..1000).all(|record| counts[&format!("new{record}")] == 1));
}

#[tokio::test]
async fn a_stop_during_a_restore_keeps_what_is_restored() {
    const ENTRIES: usize = 200_000;
    let shape = Shape::counter(unique("half"), 1);
    let state = tempfile::tempdir().unwrap();
    kafka::create(&shape.changelog(), 1, &[("cleanup.policy", "compact")]).await;
    let writer = Writer::new();
    for entry in 0..ENTRIES {
        let key = format!("k{entry}");
        writer.put(
            &shape.changelog(),
            Put {
                key: Some(key.as_bytes()),
                value: Some(&[8, 5]),
                ..Put::default()
            },
        );
    }
    writer.finish();
    let mut counter = Counter::start(&shape, state.path(), &[]);
    counter.says("restoring state").await;
    let (status, output) = counter.terminate().await;
    assert!(
        status.success() && !output.contains("state restored"),
        "{output}"
    );

    let mut counter = Counter::start(&shape, state.path(), &[]);
    counter.says("state restored").await;
    let mut clicks = Clicks::new(&shape, ENTRIES as u64);
    clicks.write(1_000);
    GroupWatch::new(&shape.group(), &clicks.topic, 1)
        .caught_up()
        .await;
    counter.stop().await;
    let counts = kafka::last_counts(&shape.topic("totals"));
    assert_eq!(counts.len(), 1_000);
    assert!(counts.values().all(|count| *count == 6));
}
