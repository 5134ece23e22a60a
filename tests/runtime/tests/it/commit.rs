//! Commits that the broker refuses, on librdkafka's mock broker, which refuses when told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kafmesh_runtime_tests::kafka::{Put, Writer, eventually};
use kafmesh_runtime_tests::{Shape, counting};

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use tempfile::TempDir;

use crate::log::Lines;
use crate::support::{Running, all, config, unique};

/// A counter on a broker of its own.
struct Bed {
    broker: MockCluster<'static, DefaultProducerContext>,
    shape: Shape,
    handled: Arc<AtomicUsize>,
    running: Running,
    _state: TempDir,
}

impl Bed {
    async fn new() -> Self {
        let mut shape = Shape::counter(unique("commit"), 2);
        shape.all_foreign = true;
        let broker = MockCluster::new(1).unwrap();
        for topic in [
            shape.topic("clicks"),
            shape.topic("totals"),
            shape.changelog(),
        ] {
            broker.create_topic(&topic, 2, 1).unwrap();
        }
        let state = tempfile::tempdir().unwrap();
        let mut config = config(state.path()).with_commit_interval(Duration::from_millis(50));
        config.brokers = broker.bootstrap_servers();
        let handled = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&handled);
        let running = Running::handling(shape.build(), config, move |input, context, value| {
            count.fetch_add(1, Ordering::Relaxed);
            counting(input, context, value)
        })
        .await;
        Self {
            broker,
            shape,
            handled,
            running,
            _state: state,
        }
    }

    fn write(&self, partition: i32, count: usize) {
        let writer = Writer::to(&self.broker.bootstrap_servers());
        for _ in 0..count {
            let put = Put {
                key: Some(b"k"),
                value: Some(&[8, 1]),
                partition: Some(partition),
                ..Put::default()
            };
            writer.put(&self.shape.topic("clicks"), put);
        }
        writer.finish();
    }

    async fn handled(&self, at_least: usize) {
        eventually("the records are handled", || {
            self.handled.load(Ordering::Relaxed) >= at_least
        })
        .await;
    }

    /// The next commits end like this.
    fn refuse(&self, errors: &[RDKafkaRespErr]) {
        self.broker
            .request_errors(RDKafkaApiKey::OffsetCommit, errors);
    }
}

async fn is_forgotten(error: RDKafkaRespErr) {
    let bed = Bed::new().await;
    bed.write(0, 10);
    bed.handled(10).await;
    // That commit is done.
    tokio::time::sleep(Duration::from_millis(300)).await;
    bed.refuse(&[error]);
    bed.write(0, 10);
    // Ten, and the ten whose commit was refused.
    bed.handled(30).await;
    bed.write(1, 10);
    bed.handled(40).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bed.handled.load(Ordering::Relaxed), 40, "{error:?}");
    bed.running.stop().await;
}

#[tokio::test]
async fn a_member_that_the_group_forgot_joins_again_and_handles_again() {
    let errors = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
    ];
    all(errors.map(is_forgotten)).await;
}

#[tokio::test]
async fn a_commit_that_may_succeed_later_is_tried_again() {
    let bed = Bed::new().await;
    bed.write(0, 1);
    bed.handled(1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    bed.refuse(&[
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
    ]);
    bed.write(0, 10);
    bed.handled(11).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    bed.write(0, 10);
    bed.handled(21).await;
    bed.running.stop().await;
    assert_eq!(bed.handled.load(Ordering::Relaxed), 21);
}

#[tokio::test]
async fn a_commit_that_is_not_allowed_stops_the_processor() {
    let (lines, _guard) = Lines::collect();
    let bed = Bed::new().await;
    bed.refuse(&[RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED]);
    bed.write(0, 1);
    let error = bed.running.ended().await.unwrap_err().to_string();
    assert_eq!(
        error,
        format!(
            "processor counter of component counting stopped: committing offsets of group {}: Broker: Group authorization failed",
            bed.shape.group()
        )
    );
    lines.one("stopping the service").has(&[
        ("service", &bed.shape.prefix),
        ("component", "counting"),
        ("kind", "processor"),
        ("object", "counter"),
        ("error", &error),
    ]);
    let task = lines.only(&[("message", "task"), ("to", "Failed")]);
    task.has(&[("object", "counter")]);
}

#[tokio::test]
async fn a_broker_that_is_away_for_a_while_only_delays() {
    let bed = Bed::new().await;
    bed.write(0, 10);
    bed.write(1, 10);
    bed.handled(20).await;
    bed.broker.broker_down(1).unwrap();
    // What was handled last may be uncommitted now; the commit waits for the broker.
    tokio::time::sleep(Duration::from_secs(2)).await;
    bed.broker.broker_up(1).unwrap();
    bed.write(0, 10);
    bed.write(1, 10);
    bed.handled(40).await;
    bed.running.stop().await;
}
