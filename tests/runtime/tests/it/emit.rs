//! Sources: what was delivered, and what was not.

use std::time::{Duration, Instant, UNIX_EPOCH};

use kafmesh::codegen::v1::Service;
use kafmesh::{Metadata, Source};
use kafmesh_runtime_tests::{Click, Shape, kafka};
use prost::Message as _;
use rdkafka::mocking::MockCluster;

use crate::support::{an_hour_ago, config, unique};

async fn source(shape: &Shape, config: kafmesh::Config) -> (Service, Source<Click>) {
    let mesh = shape.build();
    let mut service = Service::connect(config, mesh.service).await.unwrap();
    let source = service
        .registry()
        .source(mesh.component, mesh.component.sources[0]);
    (service, source)
}

#[tokio::test]
async fn many_records_arrive_in_order() {
    let shape = Shape::counter(unique("emitall"), 3);
    let state = tempfile::tempdir().unwrap();
    let (_service, source) = source(&shape, config(state.path())).await;
    let count = 100_000;
    let records = (0..count).map(|number| {
        (
            format!("k{}", number % 10),
            Click {
                amount: number,
                note: String::new(),
            },
        )
    });
    source.emit_all(records).await.unwrap();

    let mut last = [None; 10];
    let seen = kafka::read(&shape.topic("clicks"));
    assert_eq!(seen.len() as u64, count);
    for record in seen {
        let amount = Click::decode(&*record.value.unwrap()).unwrap().amount;
        let last = &mut last[(amount % 10) as usize];
        assert_eq!(
            last.map_or(amount % 10, |last| last + 10),
            amount,
            "the next of its key"
        );
        *last = Some(amount);
    }
}

#[tokio::test]
async fn records_carry_what_they_were_given() {
    let shape = Shape::counter(unique("metadata"), 3);
    let state = tempfile::tempdir().unwrap();
    let (_service, source) = source(&shape, config(state.path())).await;
    let at = an_hour_ago();
    let timestamp = UNIX_EPOCH + Duration::from_millis(at.cast_unsigned());
    let metadata = Metadata::default()
        .with_timestamp(timestamp)
        .with_header("trace", "7")
        .with_header("empty", "");
    source
        .emit_with("a", &Click::one(), &metadata)
        .await
        .unwrap();
    source.delete("a").await.unwrap();
    source.emit("", &Click::default()).await.unwrap();

    let mut seen = kafka::read(&shape.topic("clicks"));
    seen.sort_by_key(|record| (record.key.clone(), record.offset));
    let [empty, full, delete] = &seen[..] else {
        panic!("{seen:?}")
    };
    assert_eq!(
        (empty.key.as_deref(), empty.value.as_deref()),
        (Some(""), Some(&[][..])),
        "an empty key and an empty message are records"
    );
    assert_eq!(
        (full.timestamp, &full.headers),
        (Some(at), &metadata.headers)
    );
    assert_eq!(delete.value, None);
    assert_eq!(
        (full.key.as_deref(), full.partition),
        (Some("a"), delete.partition)
    );
    // Where the Java client's partitioner puts the key.
    kafka::write(
        &shape.topic("clicks"),
        [kafka::Put {
            key: Some(b"a"),
            value: Some(b""),
            ..kafka::Put::default()
        }],
    );
    let java = kafka::read(&shape.topic("clicks"))
        .into_iter()
        .filter(|record| record.key.as_deref() == Some("a"))
        .map(|record| record.partition);
    assert_eq!(java.collect::<Vec<_>>(), [full.partition; 3]);
}

#[tokio::test]
async fn a_record_that_is_too_large_is_an_error_and_the_next_is_not() {
    let shape = Shape::counter(unique("large"), 1);
    kafka::create(&shape.topic("clicks"), 1, &[("max.message.bytes", "2000")]).await;
    let state = tempfile::tempdir().unwrap();
    let (_service, source) = source(&shape, config(state.path())).await;
    let noisy = |length| Click {
        amount: 1,
        note: "x".repeat(length),
    };
    for length in [10_000, 2_000_000] {
        let error = source
            .emit("a", &noisy(length))
            .await
            .unwrap_err()
            .to_string();
        let topic = shape.topic("clicks");
        let begins = format!("a record for topic {topic} was not delivered: ");
        assert!(
            error.starts_with(&begins) && error.to_lowercase().contains("message size too large"),
            "{error}"
        );
    }
    source.emit("a", &noisy(10)).await.unwrap();
    assert_eq!(kafka::read(&shape.topic("clicks")).len(), 1);
}

#[tokio::test]
async fn a_broker_that_is_gone_is_an_error_after_the_delivery_timeout() {
    let broker = MockCluster::new(1).unwrap();
    let mut shape = Shape::counter(unique("gone"), 1);
    shape.all_foreign = true;
    broker.create_topic(&shape.topic("clicks"), 1, 1).unwrap();
    let state = tempfile::tempdir().unwrap();
    let mut config = config(state.path()).with_kafka("message.timeout.ms", "1500");
    config.brokers = broker.bootstrap_servers();
    let (_service, source) = source(&shape, config).await;
    source.emit("a", &Click::one()).await.unwrap();
    broker.broker_down(1).unwrap();
    let began = Instant::now();
    let error = source
        .emit("b", &Click::one())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(
        error,
        format!(
            "a record for topic {} was not delivered: Local: Message timed out",
            shape.topic("clicks")
        )
    );
    broker.broker_up(1).unwrap();
    source.emit("c", &Click::one()).await.unwrap();
}
