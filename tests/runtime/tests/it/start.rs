//! What can be in the way of a start: each a clear error within seconds, never a hang.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use kafmesh_runtime_tests::Shape;
use kafmesh_runtime_tests::kafka::{self, GroupWatch};

use crate::support::{Clicks, Counter, unique};

/// Starts a counter that must fail, and returns what it printed last: what its `main` returned.
async fn refused(shape: &Shape, within: Duration, variables: &[(&str, &str)]) -> String {
    let state = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let counter = Counter::start(shape, state.path(), variables);
    let (status, output) = counter.ended().await;
    assert!(
        began.elapsed() < within,
        "took {:?}:\n{output}",
        began.elapsed()
    );
    assert_eq!(status.code(), Some(1), "{output}");
    let (_, error) = output.rsplit_once("Error: ").expect(&output);
    // Standard output and error come through two pipes, so what was said earlier may come after.
    let lines: Vec<_> = error
        .lines()
        .filter(|line| !line.starts_with("connected after "))
        .collect();
    lines.join("\n")
}

/// Generous: the machine may be busy.
const SECONDS: Duration = Duration::from_secs(15);

#[tokio::test]
async fn topics_are_created_with_their_settings_and_altered_to_match() {
    let mut shape = Shape::counter(unique("topics"), 3);
    let state = tempfile::tempdir().unwrap();
    let mut counter = Counter::start(&shape, state.path(), &[]);
    counter.says("running service").await;
    let prefix = &shape.prefix;
    let expected =
        ["clicks", "counter-table", "totals"].map(|topic| (format!("{prefix}.{topic}"), 3));
    assert_eq!(kafka::topics(prefix), expected.into());
    let clicks = kafka::settings(&shape.topic("clicks")).await;
    assert_eq!(
        [
            &clicks["cleanup.policy"],
            &clicks["retention.ms"],
            &clicks["segment.ms"]
        ],
        ["delete", "86400000", "43200000"]
    );
    for compacted in [shape.topic("totals"), shape.changelog()] {
        assert_eq!(
            kafka::settings(&compacted).await["cleanup.policy"],
            "compact"
        );
    }
    counter.stop().await;

    shape.retention_ms = 3_600_000;
    let mut counter = Counter::start(&shape, state.path(), &[]);
    counter.says("running service").await;
    assert_eq!(
        kafka::settings(&shape.topic("clicks")).await["retention.ms"],
        "3600000"
    );
    counter.stop().await;
}

#[tokio::test]
async fn every_topic_with_another_partition_count_is_named_at_once() {
    let shape = Shape::counter(unique("counts"), 4);
    kafka::create(&shape.topic("clicks"), 2, &[]).await;
    kafka::create(&shape.topic("totals"), 8, &[]).await;
    let p = &shape.prefix;
    assert_eq!(
        refused(&shape, SECONDS, &[]).await,
        format!(
            "2 problems with the topics of this service:\n  \
             - {p}.clicks has 2 partitions, the definition says 4; change the definition, or create the topic anew \
             (partition counts cannot be lowered, and raising one moves keys)\n  \
             - {p}.totals has 8 partitions, the definition says 4; change the definition, or create the topic anew \
             (partition counts cannot be lowered, and raising one moves keys)"
        )
    );
    assert_eq!(kafka::topics(p).len(), 2, "nothing was created");
}

#[tokio::test]
async fn an_input_that_nobody_created_is_named() {
    let shape = Shape::counter(unique("missing"), 2);
    let p = &shape.prefix;
    assert_eq!(
        refused(&shape, SECONDS, &[("COUNTER_FOREIGN", "prices")]).await,
        format!(
            "1 problem with the topics of this service:\n  \
             - {p}.prices does not exist; processor counter of component counting needs it: start the service that creates it first, or declare a source or an output for it if none does"
        )
    );
}

#[tokio::test]
async fn an_input_with_another_partition_count_is_named() {
    let shape = Shape::counter(unique("unequal"), 2);
    let p = &shape.prefix;
    kafka::create(&shape.topic("prices"), 3, &[]).await;
    assert_eq!(
        refused(&shape, SECONDS, &[("COUNTER_FOREIGN", "prices")]).await,
        format!(
            "1 problem with the topics of this service:\n  \
             - processor counter of component counting reads {p}.prices with 3 partitions and {p}.clicks with 2; \
             the inputs, the joins and the persistence of a processor need the same count: make `partitions` equal in the definition, or create the topic that differs anew"
        )
    );
}

#[tokio::test]
async fn replication_above_the_brokers_is_an_error_and_lowered_in_dev() {
    let mut shape = Shape::counter(unique("replicas"), 1);
    shape.replication = 300;
    let error = refused(&shape, SECONDS, &[]).await;
    assert!(
        error.starts_with("3 problems with the topics of this service:\n"),
        "{error}"
    );
    let line = format!(
        "  - {}.clicks asks for 300 replicas, but the cluster has ",
        shape.prefix
    );
    assert!(error.contains(&line), "{error}");
    assert!(error.contains("; lower `replicas`, or set KAFMESH_DEV=true on a development machine to lower it by itself"), "{error}");

    let state = tempfile::tempdir().unwrap();
    let mut counter = Counter::start(&shape, state.path(), &[("KAFMESH_DEV", "true")]);
    counter.says("replication factors are lowered").await;
    counter.says("running service").await;
    assert_eq!(kafka::topics(&shape.prefix).len(), 3);
    counter.stop().await;
}

#[tokio::test]
async fn an_unreachable_broker_is_an_error_after_the_startup_timeout() {
    let shape = Shape::counter(unique("unreachable"), 1);
    // Bound, so that nobody else takes it, and closed to connections.
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let brokers = port.to_string();
    let began = Instant::now();
    let error = refused(
        &shape,
        SECONDS,
        &[
            ("KAFMESH_BROKERS", &brokers),
            ("KAFMESH_STARTUP_TIMEOUT", "2s"),
        ],
    )
    .await;
    assert!(began.elapsed() >= Duration::from_secs(2));
    assert_eq!(
        error,
        format!(
            "no Kafka broker answered at {brokers} within 2s: {brokers}/bootstrap: Connect to ipv4#{brokers} failed: Connection refused; \
             check that Kafka runs there and that KAFMESH_BROKERS names it"
        )
    );
}

#[tokio::test]
async fn something_that_is_not_kafka_is_an_error_after_the_startup_timeout() {
    let shape = Shape::counter(unique("silent"), 1);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let brokers = silent.local_addr().unwrap().to_string();
    let error = refused(
        &shape,
        SECONDS,
        &[
            ("KAFMESH_BROKERS", &brokers),
            ("KAFMESH_STARTUP_TIMEOUT", "1s"),
        ],
    )
    .await;
    let begins = format!("no Kafka broker answered at {brokers} within 1s: ");
    assert!(error.starts_with(&begins), "{error}");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let shape = Shape::counter(unique("port"), 1);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_eq!(
        refused(&shape, SECONDS, &[("KAFMESH_LISTEN", &address)]).await,
        format!(
            "cannot listen on {address}: Address already in use (os error 98); set KAFMESH_LISTEN to another address"
        )
    );
    assert!(
        kafka::topics(&shape.prefix).is_empty(),
        "nothing was created"
    );
}

#[tokio::test]
async fn a_state_directory_in_use_is_named() {
    let shape = Shape::counter(unique("locked"), 1);
    let state = tempfile::tempdir().unwrap();
    let mut first = Counter::start(&shape, state.path(), &[]);
    first.says("running service").await;
    let path = state.path().display().to_string();
    assert_eq!(
        refused(&shape, SECONDS, &[("KAFMESH_STATE_DIR", &path)]).await,
        format!(
            "the local store at {path} failed while opening it: another process has it open; give each process its own KAFMESH_STATE_DIR"
        )
    );
    first.stop().await;
}

#[tokio::test]
async fn wrong_client_properties_are_named_by_their_variable() {
    let shape = Shape::counter(unique("property"), 1);
    let list = "the client's properties are listed at https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md";
    for (variable, value, error) in [
        (
            "KAFMESH_KAFKA_LINGER_MSS",
            "5",
            format!("KAFMESH_KAFKA_LINGER_MSS: No such configuration property: \"linger.mss\"; {list}"),
        ),
        (
            "KAFMESH_KAFKA_ENABLE_AUTO_COMMIT",
            "true",
            "KAFMESH_KAFKA_ENABLE_AUTO_COMMIT: enable.auto.commit is always false here: offsets are committed together with the state; \
             remove this setting"
                .to_owned(),
        ),
        (
            "KAFMESH_COMMIT_INTERVAL",
            "soon",
            "KAFMESH_COMMIT_INTERVAL: \"soon\" is not a duration above zero such as 250ms, 10s or 2m".to_owned(),
        ),
    ] {
        assert_eq!(refused(&shape, SECONDS, &[(variable, value)]).await, error);
    }
}

#[tokio::test]
async fn a_restart_is_at_work_within_seconds() {
    let shape = Shape::counter(unique("again"), 4);
    let state = tempfile::tempdir().unwrap();
    let mut counter = Counter::start(&shape, state.path(), &[]);
    counter.says("running service").await;
    let mut clicks = Clicks::new(&shape, 100);
    clicks.write(1_000);
    let group = GroupWatch::new(&shape.group(), &clicks.topic, 4);
    group.caught_up().await;
    counter.stop().await;

    clicks.write(100_000);
    let mut counter = Counter::start(&shape, state.path(), &[("COUNTER_PAUSE_US", "50")]);
    let in_order = first_record(&mut counter).await;
    counter.kill();
    let mut counter = Counter::start(&shape, state.path(), &[]);
    let after_kill = first_record(&mut counter).await;
    println!(
        "first record {in_order:?} after the start, and {after_kill:?} after a kill with a session of 6 s"
    );
    assert!(in_order < Duration::from_secs(5), "{in_order:?}");
    assert!(after_kill < Duration::from_secs(6 + 5), "{after_kill:?}");
    counter.stop().await;
}

/// How long the process took from its start to its first record, as it says itself.
async fn first_record(counter: &mut Counter) -> Duration {
    let line = counter.says("first record after").await;
    Duration::from_millis(line.split(' ').nth(3).unwrap().parse().unwrap())
}
