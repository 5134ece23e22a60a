//! The embedded broker, used by the client the runtime uses: librdkafka.
#![cfg(all(feature = "dev", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kafmesh_cli::dev::Broker;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const WAIT: Duration = Duration::from_secs(20);

fn config(broker: &Broker) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.address().to_string());
    config
}

async fn create(broker: &Broker, topics: &[NewTopic<'_>]) -> Vec<Result<String, RDKafkaErrorCode>> {
    let admin: AdminClient<DefaultClientContext> = config(broker).create().unwrap();
    let created = admin
        .create_topics(topics, &AdminOptions::new())
        .await
        .unwrap();
    created
        .into_iter()
        .map(|result| result.map_err(|(_, code)| code))
        .collect()
}

/// Produces `values`, all of one key, in as few batches as the client makes.
async fn produce(broker: &Broker, topic: &str, values: std::ops::Range<u32>) {
    let producer: FutureProducer = config(broker)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "50")
        .create()
        .unwrap();
    let deliveries: Vec<_> = values
        .map(|value| {
            let payload = value.to_string();
            let headers = OwnedHeaders::new().insert(Header {
                key: "h",
                value: Some("x"),
            });
            let record = FutureRecord::to(topic)
                .key("key")
                .payload(&payload)
                .headers(headers);
            producer
                .send_result(record)
                .map_err(|(error, _)| error)
                .unwrap()
        })
        .collect();
    for delivery in deliveries {
        delivery.await.unwrap().map_err(|(error, _)| error).unwrap();
    }
    producer.flush(WAIT).unwrap();
}

fn member(broker: &Broker, group: &str, topic: &str) -> StreamConsumer {
    let consumer: StreamConsumer = config(broker)
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "6000")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    consumer
}

/// Reads `count` values and commits them.
async fn consume(consumer: &StreamConsumer, count: usize) -> Vec<u32> {
    let mut values = Vec::new();
    while values.len() < count {
        let message = tokio::time::timeout(WAIT, consumer.recv())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(message.key(), Some(&b"key"[..]));
        let header = message.headers().unwrap().get(0);
        assert_eq!((header.key, header.value), ("h", Some(&b"x"[..])));
        values.push(
            std::str::from_utf8(message.payload().unwrap())
                .unwrap()
                .parse()
                .unwrap(),
        );
        consumer.store_offset_from_message(&message).unwrap();
    }
    consumer.commit_consumer_state(CommitMode::Sync).unwrap();
    values
}

#[tokio::test]
async fn topics_are_created_once_with_their_settings() {
    let broker = Broker::start().unwrap();
    let compact =
        NewTopic::new("table", 4, TopicReplication::Fixed(3)).set("cleanup.policy", "compact");
    assert_eq!(create(&broker, &[compact]).await, [Ok("table".to_owned())]);
    let again = NewTopic::new("table", 8, TopicReplication::Fixed(1));
    assert_eq!(
        create(&broker, &[again]).await,
        [Err(RDKafkaErrorCode::TopicAlreadyExists)]
    );

    let admin: AdminClient<DefaultClientContext> = config(&broker).create().unwrap();
    let metadata = admin.inner().fetch_metadata(Some("table"), WAIT).unwrap();
    assert_eq!(metadata.topics()[0].partitions().len(), 4);
    let described = admin
        .describe_configs(&[ResourceSpecifier::Topic("table")], &AdminOptions::new())
        .await
        .unwrap();
    let described = described[0].as_ref().unwrap();
    assert_eq!(
        described.get("cleanup.policy").unwrap().value.as_deref(),
        Some("compact")
    );
}

#[tokio::test]
async fn a_group_resumes_inside_a_batch_without_loss() {
    let broker = Broker::start().unwrap();
    create(
        &broker,
        &[NewTopic::new("clicks", 1, TopicReplication::Fixed(1))],
    )
    .await[0]
        .clone()
        .unwrap();
    produce(&broker, "clicks", 0..1000).await;

    let first = member(&broker, "counters", "clicks");
    assert_eq!(consume(&first, 333).await, Vec::from_iter(0..333));
    drop(first);
    let second = member(&broker, "counters", "clicks");
    assert_eq!(consume(&second, 667).await, Vec::from_iter(333..1000));

    let watermarks = second.fetch_watermarks("clicks", 0, WAIT).unwrap();
    assert_eq!(
        watermarks,
        (0, 1000),
        "the latest offset is the last record's, not the batch's"
    );
    let committed = second.committed(WAIT).unwrap();
    assert_eq!(committed.elements()[0].offset(), Offset::Offset(1000));
}

#[tokio::test]
async fn offsets_are_found_by_time() {
    let broker = Broker::start().unwrap();
    create(
        &broker,
        &[NewTopic::new("clicks", 1, TopicReplication::Fixed(1))],
    )
    .await[0]
        .clone()
        .unwrap();
    produce(&broker, "clicks", 0..10).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let between = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    tokio::time::sleep(Duration::from_millis(20)).await;
    produce(&broker, "clicks", 10..20).await;

    let consumer = member(&broker, "finders", "clicks");
    let offset_at = |millis: u128| {
        let mut wanted = TopicPartitionList::new();
        let time = Offset::Offset(i64::try_from(millis).unwrap());
        wanted.add_partition_offset("clicks", 0, time).unwrap();
        consumer.offsets_for_times(wanted, WAIT).unwrap().elements()[0].offset()
    };
    assert_eq!(offset_at(0), Offset::Offset(0));
    assert_eq!(offset_at(between), Offset::Offset(10));
    assert_eq!(offset_at(between + 60_000), Offset::End);
}

#[tokio::test]
async fn members_share_partitions_and_take_over() {
    let broker = Broker::start().unwrap();
    create(
        &broker,
        &[NewTopic::new("clicks", 4, TopicReplication::Fixed(1))],
    )
    .await[0]
        .clone()
        .unwrap();
    let first = member(&broker, "counters", "clicks");
    until_assigned(&[(&first, 4)]).await;
    let second = member(&broker, "counters", "clicks");
    until_assigned(&[(&first, 2), (&second, 2)]).await;
    drop(first);
    until_assigned(&[(&second, 4)]).await;
}

#[tokio::test]
async fn groups_are_listed_with_their_members_whether_they_have_committed_or_not() {
    let broker = Broker::start().unwrap();
    create(
        &broker,
        &[NewTopic::new("clicks", 2, TopicReplication::Fixed(1))],
    )
    .await[0]
        .clone()
        .unwrap();
    let admin: AdminClient<DefaultClientContext> = config(&broker).create().unwrap();
    let groups = || {
        let listed = admin.inner().fetch_group_list(None, WAIT).unwrap();
        let groups = listed.groups().iter();
        groups
            .map(|group| {
                (
                    group.name().to_owned(),
                    group.state().to_owned(),
                    group.members().len(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(groups(), []);
    let (first, second) = (
        member(&broker, "counters", "clicks"),
        member(&broker, "counters", "clicks"),
    );
    until_assigned(&[(&first, 1), (&second, 1)]).await;
    let counters = |state: &str, members| [("counters".to_owned(), state.to_owned(), members)];
    assert_eq!(groups(), counters("Stable", 2));

    produce(&broker, "clicks", 0..10).await;
    drop(second);
    until_assigned(&[(&first, 2)]).await;
    consume(&first, 10).await;
    assert_eq!(groups(), counters("Stable", 1));
    drop(first);
    assert_eq!(groups(), counters("Empty", 0));
}

/// Polls the members, as each must to take part, until each has its number of partitions.
async fn until_assigned(members: &[(&StreamConsumer, usize)]) {
    let assigned = async {
        loop {
            for (member, _) in members {
                // Nothing is produced; this polls.
                tokio::time::timeout(Duration::from_millis(50), member.recv())
                    .await
                    .ok();
            }
            if members
                .iter()
                .all(|(member, count)| member.assignment().unwrap().count() == *count)
            {
                break;
            }
        }
    };
    tokio::time::timeout(WAIT * 2, assigned)
        .await
        .expect("a stable assignment");
}
