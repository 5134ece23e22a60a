//! Several processes of one service: partitions move, processes die.

use std::collections::BTreeMap;
use std::time::Duration;

use kafmesh_runtime_tests::Shape;
use kafmesh_runtime_tests::kafka::{self, GroupWatch};

use crate::support::{Clicks, Counter, INCREMENTAL, unique};

/// No click is lost; the state and what was put out agree.
fn assert_at_least(shape: &Shape, clicks: &Clicks) {
    let counts = kafka::last_counts(&shape.changelog());
    assert_eq!(kafka::last_counts(&shape.topic("totals")), counts);
    let truth = clicks.truth();
    assert_eq!(
        counts.keys().collect::<Vec<_>>(),
        truth.keys().collect::<Vec<_>>()
    );
    let short: BTreeMap<_, _> = truth
        .iter()
        .filter(|(key, count)| counts[*key] < **count)
        .collect();
    assert!(short.is_empty(), "lost: {short:?}");
}

#[tokio::test]
async fn partitions_that_move_in_order_count_every_record_once() {
    let shape = Shape::counter(unique("move"), 4);
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let slow = [("COUNTER_PAUSE_US", "50")];
    let mut first = Counter::start(&shape, one.path(), &slow);
    first.says("connected").await;
    let mut clicks = Clicks::new(&shape, 1000);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, 4);
    clicks.write(6_000);
    group.reached(100).await;
    let mut second = Counter::start(&shape, two.path(), &slow);
    second.says("first record").await;
    clicks.write(6_000);
    // Partitions come back to a process that has old state of them.
    first.stop().await;
    group.reached(8_000).await;
    let mut first = Counter::start(&shape, one.path(), &slow);
    first.says("first record").await;
    clicks.write(4_000);
    second.stop().await;
    group.caught_up().await;
    first.stop().await;

    assert_eq!(kafka::last_counts(&shape.changelog()), clicks.truth());
    assert_eq!(kafka::last_counts(&shape.topic("totals")), clicks.truth());
    assert_eq!(
        kafka::read(&shape.topic("totals")).len() as u64,
        clicks.written,
        "one output per record"
    );
}

#[tokio::test]
async fn under_the_protocol_consumer_partitions_that_stay_are_not_stopped() {
    let shape = Shape::counter(unique("stay"), 4);
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let variables = [("COUNTER_PAUSE_US", "50"), INCREMENTAL];
    let mut first = Counter::start(&shape, one.path(), &variables);
    first.says("connected").await;
    let mut clicks = Clicks::new(&shape, 1000);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, 4);
    clicks.write(6_000);
    group.reached(100).await;
    let mut second = Counter::start(&shape, two.path(), &variables);
    second.says("first record").await;
    let revoked = first.says("partitions revoked").await;
    assert_eq!(revoked.matches(&clicks.topic).count(), 2, "{revoked}");
    clicks.write(6_000);
    group.reached(8_000).await;
    first.stop().await;
    clicks.write(4_000);
    group.caught_up().await;
    second.stop().await;

    assert_eq!(kafka::last_counts(&shape.changelog()), clicks.truth());
    assert_eq!(kafka::last_counts(&shape.topic("totals")), clicks.truth());
    assert_eq!(
        kafka::read(&shape.topic("totals")).len() as u64,
        clicks.written,
        "one output per record"
    );
}

#[tokio::test]
async fn a_killed_process_loses_nothing() {
    let shape = Shape::counter(unique("killed"), 4);
    let dirs: [_; 3] = std::array::from_fn(|_| tempfile::tempdir().unwrap());
    let slow = [("COUNTER_PAUSE_US", "50")];
    let mut first = Counter::start(&shape, dirs[0].path(), &slow);
    first.says("connected").await;
    let mut clicks = Clicks::new(&shape, 1000);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, 4);
    clicks.write(20_000);
    group.reached(100).await;
    let mut second = Counter::start(&shape, dirs[1].path(), &slow);
    second.says("first record").await;
    first.stop().await;
    clicks.write(20_000);
    second.kill();
    let third = Counter::start(&shape, dirs[2].path(), &[]);
    clicks.write(20_000);
    group.caught_up().await;
    third.stop().await;
    assert_at_least(&shape, &clicks);
}

#[tokio::test]
async fn five_kills_at_any_time_lose_nothing() {
    let shape = Shape::counter(unique("kills"), 2);
    let state = tempfile::tempdir().unwrap();
    let variables = [
        ("COUNTER_PAUSE_US", "100"),
        ("KAFMESH_COMMIT_INTERVAL", "50ms"),
    ];
    let mut clicks = Clicks::new(&shape, 300);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, 2);
    for round in 0..5 {
        let mut counter = Counter::start(&shape, state.path(), &variables);
        counter.says("connected").await;
        clicks.write(3_000);
        counter.says("first record").await;
        // Somewhere between two commits, during one, or while records are on their way.
        let moment = u64::from(std::process::id())
            .wrapping_mul(2_654_435_761)
            .rotate_left(round * 7)
            % 120;
        println!("round {round}: killed {moment} ms after the first record");
        tokio::time::sleep(Duration::from_millis(moment)).await;
        counter.kill();
    }
    let counter = Counter::start(&shape, state.path(), &[]);
    group.caught_up().await;
    counter.stop().await;
    assert_at_least(&shape, &clicks);
}
