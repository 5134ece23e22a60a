//! Plain clients that write and read topics without the runtime.
#![expect(
    clippy::expect_used,
    reason = "a test's tool: whatever goes wrong ends the test"
)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use prost::Message as _;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use crate::Count;

/// Longer than any answer of the broker takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The broker the tests run against.
///
/// # Panics
///
/// When none is named: these tests do not pass without one.
pub fn brokers() -> String {
    std::env::var("KAFMESH_TEST_BROKERS")
        .expect("these tests need a real Kafka: start one with `cargo xtask servers kafka`, or name yours in KAFMESH_TEST_BROKERS")
}

/// A record as a plain consumer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The key.
    pub key: Option<String>,
    /// The value's bytes; `None` is a delete.
    pub value: Option<Vec<u8>>,
    /// Milliseconds since the epoch.
    pub timestamp: Option<i64>,
    /// Name and value.
    pub headers: Vec<(String, Vec<u8>)>,
}

/// A record to be written.
#[derive(Debug, Clone, Default)]
pub struct Put<'a> {
    /// The key.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is a delete.
    pub value: Option<&'a [u8]>,
    /// By key when `None`.
    pub partition: Option<i32>,
    /// Now when `None`.
    pub timestamp: Option<i64>,
    /// Name and value.
    pub headers: &'a [(&'a str, &'a [u8])],
}

pub(crate) fn client() -> ClientConfig {
    client_of(&brokers())
}

fn client_of(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}

fn admin() -> AdminClient<DefaultClientContext> {
    client().create().expect("an admin client")
}

/// Creates a topic.
pub async fn create(topic: &str, partitions: i32, config: &[(&str, &str)]) {
    let new = NewTopic {
        name: topic,
        num_partitions: partitions,
        replication: TopicReplication::Fixed(1),
        config: config.to_vec(),
    };
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let created = admin()
        .create_topics([&new], &options)
        .await
        .expect("creating a topic");
    assert_eq!(created, [Ok(topic.to_owned())]);
    // The controller answers before the broker has heard of the topic.
    eventually("the topic is listed", || topics(topic).contains_key(topic)).await;
}

/// Deletes a topic and waits until it is gone.
pub async fn delete(topic: &str) {
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let deleted = admin()
        .delete_topics(&[topic], &options)
        .await
        .expect("deleting a topic");
    assert_eq!(deleted, [Ok(topic.to_owned())]);
    let consumer: BaseConsumer = client().create().expect("a consumer");
    eventually("the topic is gone", || {
        let metadata = consumer
            .fetch_metadata(Some(topic), PATIENCE)
            .expect("metadata");
        metadata.topics()[0].error().is_some()
    })
    .await;
}

/// Deletes every record that a topic holds; its offsets go on.
pub async fn truncate(topic: &str, partitions: i32) {
    let mut ends = TopicPartitionList::new();
    for (partition, (_, high)) in (0..).zip(extents(topic, partitions)) {
        ends.add_partition_offset(topic, partition, Offset::Offset(high))
            .expect("an offset");
    }
    let deleted = admin()
        .delete_records(&ends, &AdminOptions::new())
        .await
        .expect("deleting records");
    for partition in deleted.elements() {
        partition.error().expect("the records are deleted");
    }
}

/// The settings of a topic.
pub async fn settings(topic: &str) -> BTreeMap<String, String> {
    let found = admin()
        .describe_configs([&ResourceSpecifier::Topic(topic)], &AdminOptions::new())
        .await
        .expect("describing a topic");
    let resource = found
        .into_iter()
        .next()
        .expect("one answer")
        .expect("the topic's settings");
    resource
        .entries
        .into_iter()
        .filter_map(|entry| Some((entry.name, entry.value?)))
        .collect()
}

/// The number of partitions of every topic there is whose name starts with `prefix`.
pub fn topics(prefix: &str) -> BTreeMap<String, usize> {
    let consumer: BaseConsumer = client().create().expect("a consumer");
    let metadata = consumer.fetch_metadata(None, PATIENCE).expect("metadata");
    let topics = metadata
        .topics()
        .iter()
        .filter(|topic| topic.name().starts_with(prefix));
    topics
        .map(|topic| (topic.name().to_owned(), topic.partitions().len()))
        .collect()
}

/// Writes records with the partitioner of the Java client, and waits until they are acknowledged.
pub fn write<'a>(topic: &str, records: impl IntoIterator<Item = Put<'a>>) {
    let producer = Writer::new();
    for record in records {
        producer.put(topic, record);
    }
    producer.finish();
}

/// As [`write()`], in a transaction that is committed or aborted.
pub fn write_in_transaction<'a>(
    topic: &str,
    records: impl IntoIterator<Item = Put<'a>>,
    commit: bool,
) {
    let producer = client()
        .set("partitioner", "murmur2_random")
        .set("transactional.id", topic)
        .create();
    let writer = Writer(producer.expect("a producer"));
    writer
        .0
        .init_transactions(PATIENCE)
        .expect("transactions are there");
    writer.0.begin_transaction().expect("a transaction begins");
    for record in records {
        writer.put(topic, record);
    }
    let ended = if commit {
        writer.0.commit_transaction(PATIENCE)
    } else {
        // Aborted before they were sent, they would not be in the topic at all.
        writer.finish();
        writer.0.abort_transaction(PATIENCE)
    };
    ended.expect("the transaction ends");
}

/// Writes records one by one.
pub struct Writer(BaseProducer);

impl Writer {
    /// A writer of any topic.
    #[expect(clippy::new_without_default, reason = "it connects")]
    pub fn new() -> Self {
        Self::to(&brokers())
    }

    /// A writer to other brokers than the tests'.
    pub fn to(brokers: &str) -> Self {
        let producer = client_of(brokers)
            .set("partitioner", "murmur2_random")
            .set("enable.idempotence", "true")
            .set("queue.buffering.max.messages", "1000000")
            .set("linger.ms", "5")
            .create();
        Self(producer.expect("a producer"))
    }

    /// Queues a record.
    pub fn put(&self, topic: &str, record: Put<'_>) {
        let mut headers = OwnedHeaders::new();
        for (key, value) in record.headers {
            headers = headers.insert(Header {
                key,
                value: Some(*value),
            });
        }
        let mut next = BaseRecord::<[u8], [u8]>::to(topic);
        next.key = record.key;
        next.payload = record.value;
        next.partition = record.partition;
        next.timestamp = record.timestamp;
        if !record.headers.is_empty() {
            next.headers = Some(headers);
        }
        while let Err((error, refused)) = self.0.send(next) {
            assert_eq!(
                error,
                KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)
            );
            self.0.poll(Duration::from_millis(10));
            next = refused;
        }
    }

    /// Waits until everything is acknowledged.
    pub fn finish(&self) {
        self.0
            .flush(PATIENCE)
            .expect("the broker takes the records");
    }
}

/// Everything a topic holds now, partition by partition.
pub fn read(topic: &str) -> Vec<Seen> {
    let consumer: BaseConsumer = client()
        .set("group.id", "reads without a group")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "20")
        .create()
        .expect("a consumer");
    let metadata = consumer
        .fetch_metadata(Some(topic), PATIENCE)
        .expect("metadata");
    let mut assignment = TopicPartitionList::new();
    let mut left = metadata.topics()[0].partitions().len();
    assert!(left > 0, "there is no topic {topic}");
    for partition in metadata.topics()[0].partitions() {
        assignment
            .add_partition_offset(topic, partition.id(), Offset::Beginning)
            .expect("an offset");
    }
    consumer.assign(&assignment).expect("an assignment");
    let mut seen = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while left > 0 {
        assert!(
            Instant::now() < deadline,
            "{left} partitions of {topic} did not come to an end"
        );
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(_))) => left -= 1,
            Some(Err(error)) => panic!("reading {topic}: {error}"),
            Some(Ok(message)) => seen.push(Seen {
                partition: message.partition(),
                offset: message.offset(),
                key: message
                    .key()
                    .map(|key| String::from_utf8_lossy(key).into_owned()),
                value: message.payload().map(<[u8]>::to_vec),
                timestamp: message.timestamp().to_millis(),
                headers: message.headers().map_or_else(Vec::new, |headers| {
                    headers
                        .iter()
                        .map(|header| {
                            (
                                header.key.to_owned(),
                                header.value.unwrap_or_default().to_vec(),
                            )
                        })
                        .collect()
                }),
            }),
        }
    }
    seen
}

/// The last [`Count`] of every key of a topic; keys whose last record is a delete are left out.
pub fn last_counts(topic: &str) -> BTreeMap<String, u64> {
    let mut last = BTreeMap::new();
    for record in read(topic) {
        let key = record.key.expect("every record has a key");
        match record.value {
            Some(value) => last.insert(key, Count::decode(&*value).expect("a count").count),
            None => last.remove(&key),
        };
    }
    last
}

/// First offset and the one after the last, per partition.
pub fn extents(topic: &str, partitions: i32) -> Vec<(i64, i64)> {
    let consumer: BaseConsumer = client().create().expect("a consumer");
    (0..partitions)
        .map(|partition| {
            consumer
                .fetch_watermarks(topic, partition, PATIENCE)
                .expect("watermarks")
        })
        .collect()
}

/// Looks at a group from outside.
pub struct GroupWatch {
    consumer: BaseConsumer,
    topic: String,
    partitions: i32,
}

impl GroupWatch {
    /// Of one input topic of `group`.
    pub fn new(group: &str, topic: &str, partitions: i32) -> Self {
        let consumer = client()
            .set("group.id", group)
            .create()
            .expect("a consumer");
        Self {
            consumer,
            topic: topic.to_owned(),
            partitions,
        }
    }

    /// The committed offset of each partition; 0 where there is none.
    pub fn committed(&self) -> Vec<i64> {
        let mut asked = TopicPartitionList::new();
        for partition in 0..self.partitions {
            asked.add_partition(&self.topic, partition);
        }
        let deadline = Instant::now() + PATIENCE;
        let found = loop {
            use RDKafkaErrorCode as Code;
            match self.consumer.committed_offsets(asked.clone(), PATIENCE) {
                // A new cluster makes the coordinators when they are asked for first.
                Err(error)
                    if matches!(
                        error.rdkafka_error_code(),
                        Some(
                            Code::NotCoordinator
                                | Code::CoordinatorNotAvailable
                                | Code::CoordinatorLoadInProgress
                        )
                    ) && Instant::now() < deadline =>
                {
                    std::thread::sleep(Duration::from_millis(25));
                }
                found => break found.expect("committed offsets"),
            }
        };
        let offset = |offset| {
            if let Offset::Offset(offset) = offset {
                offset
            } else {
                0
            }
        };
        found
            .elements()
            .iter()
            .map(|element| offset(element.offset()))
            .collect()
    }

    /// Waits until everything the topic holds now is committed.
    pub async fn caught_up(&self) {
        let ends: Vec<_> = extents(&self.topic, self.partitions)
            .into_iter()
            .map(|(_, high)| high)
            .collect();
        self.reached(ends.iter().sum()).await;
        assert_eq!(self.committed(), ends);
    }

    /// Waits until the committed offsets add up to `sum`.
    pub async fn reached(&self, sum: i64) {
        eventually(
            &format!("{} records of {} are committed", sum, self.topic),
            || self.committed().iter().sum::<i64>() >= sum,
        )
        .await;
    }
}

/// Waits until `holds`.
///
/// # Panics
///
/// After half a minute.
pub async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}
