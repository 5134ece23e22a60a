//! Counting across restarts: graceful, killed, with lost state.

use kafmesh_runtime_tests::Shape;
use kafmesh_runtime_tests::kafka::{self, GroupWatch};

use crate::support::{Clicks, Counter, unique};

#[tokio::test]
async fn a_restart_in_order_counts_every_record_once() {
    let shape = Shape::counter(unique("restart"), 4);
    let state = tempfile::tempdir().unwrap();
    let mut counter = Counter::start(&shape, state.path(), &[]);
    counter.says("connected").await;
    let mut clicks = Clicks::new(&shape, 1000);
    clicks.write(50_000);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, shape.partitions);
    group.caught_up().await;
    clicks.write(10_000);
    counter.stop().await;
    clicks.write(40_000);
    let counter = Counter::start(&shape, state.path(), &[]);
    group.caught_up().await;
    counter.stop().await;

    assert_eq!(kafka::last_counts(&shape.topic("totals")), clicks.truth());
    assert_eq!(kafka::last_counts(&shape.changelog()), clicks.truth());
    assert_eq!(
        kafka::read(&shape.topic("totals")).len() as u64,
        clicks.written,
        "one output per record"
    );
}

#[tokio::test]
async fn a_kill_under_load_loses_nothing() {
    let shape = Shape::counter(unique("kill"), 4);
    let state = tempfile::tempdir().unwrap();
    let mut counter = Counter::start(&shape, state.path(), &[("COUNTER_PAUSE_US", "20")]);
    counter.says("connected").await;
    let mut clicks = Clicks::new(&shape, 1000);
    clicks.write(100_000);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, shape.partitions);
    group.reached(5_000).await;
    counter.kill();
    let before: i64 = group.committed().iter().sum();
    assert!(before < 100_000, "killed in the middle");
    let counter = Counter::start(&shape, state.path(), &[]);
    group.caught_up().await;
    counter.stop().await;

    let (totals, counts) = (
        kafka::last_counts(&shape.topic("totals")),
        kafka::last_counts(&shape.changelog()),
    );
    assert_eq!(totals, counts, "state and outputs agree");
    for (key, count) in clicks.truth() {
        assert!(counts[&key] >= count, "{key}: {} of {count}", counts[&key]);
    }
}
