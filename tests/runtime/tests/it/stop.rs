//! Ends in order, and ends that are cut short.

use kafmesh_runtime_tests::Shape;
use kafmesh_runtime_tests::kafka::{self, GroupWatch, Put};

use crate::support::{Clicks, Counter, unique};

#[tokio::test]
async fn a_stop_under_load_commits_everything_that_was_handled() {
    let shape = Shape::counter(unique("load"), 2);
    let state = tempfile::tempdir().unwrap();
    // A batch of a thousand records takes 20 s: a stop that waited for its end would be cut short.
    let variables = [
        ("COUNTER_PAUSE_US", "20000"),
        ("KAFMESH_COMMIT_INTERVAL", "300ms"),
        ("KAFMESH_SHUTDOWN_TIMEOUT", "5s"),
    ];
    let mut counter = Counter::start(&shape, state.path(), &variables);
    counter.says("connected").await;
    let mut clicks = Clicks::new(&shape, 100);
    clicks.write(20_000);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, 2);
    // Past the first fetches, whose batches are small.
    group.reached(200).await;
    counter.stop().await;

    let committed: i64 = group.committed().iter().sum();
    assert!((1..20_000).contains(&committed), "{committed}");
    assert_eq!(kafka::read(&shape.topic("totals")).len() as i64, committed);
    let counted: u64 = kafka::last_counts(&shape.changelog()).values().sum();
    assert_eq!(counted as i64, committed);
}

#[tokio::test]
async fn a_slow_handler_commits_at_the_interval_all_the_same() {
    let shape = Shape::counter(unique("slow"), 1);
    let state = tempfile::tempdir().unwrap();
    let variables = [
        ("COUNTER_PAUSE_US", "20000"),
        ("KAFMESH_COMMIT_INTERVAL", "300ms"),
    ];
    let mut counter = Counter::start(&shape, state.path(), &variables);
    counter.says("connected").await;
    let mut clicks = Clicks::new(&shape, 100);
    clicks.write(2_000);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, 1);
    group.reached(1).await;
    let first = group.committed()[0];
    group.reached(first + 1).await;
    let second = group.committed()[0];
    // Both in the middle of the first batch of a thousand.
    assert!(first < second && second < 1000, "{first}, {second}");
    counter.stop().await;
}

#[tokio::test]
async fn a_handler_that_hangs_is_cut_short_after_the_shutdown_timeout() {
    let shape = Shape::counter(unique("hang"), 1);
    let state = tempfile::tempdir().unwrap();
    let variables = [
        ("COUNTER_HANG_AT", "k3"),
        ("KAFMESH_SHUTDOWN_TIMEOUT", "1500ms"),
    ];
    let mut counter = Counter::start(&shape, state.path(), &variables);
    counter.says("connected").await;
    Clicks::new(&shape, 10).write(10);
    counter.says("hanging").await;
    let (status, output) = counter.terminate().await;
    assert_eq!(status.code(), Some(1));
    let (_, error) = output.rsplit_once("Error: ").expect(&output);
    assert_eq!(
        error,
        "the service did not stop within 1.5s (KAFMESH_SHUTDOWN_TIMEOUT) and was cut short while \
         processor counter of component counting still ran; what was not committed is handled again by the next process"
    );
}

#[tokio::test]
async fn handlers_that_block_every_thread_do_not_outlive_the_shutdown_timeout() {
    let shape = Shape::counter(unique("block"), 1);
    let state = tempfile::tempdir().unwrap();
    let variables = [
        ("COUNTER_BLOCK_AT", "k3"),
        ("KAFMESH_SHUTDOWN_TIMEOUT", "1500ms"),
        ("TOKIO_WORKER_THREADS", "1"),
    ];
    let mut counter = Counter::start(&shape, state.path(), &variables);
    counter.says("connected").await;
    Clicks::new(&shape, 10).write(10);
    counter.says("blocking").await;
    let (status, output) = counter.terminate().await;
    assert_eq!(status.code(), Some(1));
    let (_, error) = output.rsplit_once("Error: ").expect(&output);
    assert!(
        error.starts_with("the service did not stop within 1.5s")
            && error.contains("processor counter of component counting"),
        "{error}"
    );
}

#[tokio::test]
async fn the_first_error_is_told_even_if_the_stop_is_cut_short() {
    let shape = Shape::counter(unique("first"), 2);
    let state = tempfile::tempdir().unwrap();
    let variables = [
        ("COUNTER_HANG_AT", "hang"),
        ("KAFMESH_SHUTDOWN_TIMEOUT", "1500ms"),
    ];
    let mut counter = Counter::start(&shape, state.path(), &variables);
    counter.says("partitions assigned").await;
    let topic = shape.topic("clicks");
    let put = |partition, key: &'static str, value: &'static [u8]| Put {
        key: Some(key.as_bytes()),
        value: Some(value),
        partition: Some(partition),
        ..Put::default()
    };
    kafka::write(&topic, [put(0, "hang", &[8, 1])]);
    counter.says("hanging").await;
    kafka::write(&topic, [put(1, "bad", b"\xff")]);
    let (status, output) = counter.ended().await;
    assert_eq!(status.code(), Some(1));
    assert!(output.contains("did not stop within 1.5s"), "{output}");
    let (_, error) = output.rsplit_once("Error: ").expect(&output);
    assert_eq!(
        error,
        format!(
            "processor counter of component counting stopped: cannot decode the record at topic {topic}, partition 1, \
             offset 0, key \"bad\": its value is not a Click: failed to decode Protobuf message: invalid varint"
        )
    );
}
