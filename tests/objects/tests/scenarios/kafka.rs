//! The brokers of the scenarios, and plain clients of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafmesh_cli::dev::Broker;
use prost::Message;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::{Mutex, MutexGuard};

use crate::support::{PATIENCE, eventually};

/// What the names of all topics and groups here begin with.
const OURS: &[&str] = &["shop.", "taxService.", "carrierService."];

/// Scenarios share the topics of the shop, so on the real Kafka they take turns.
static TURN: Mutex<()> = Mutex::const_new(());

/// A Kafka without topics of the shop.
pub(crate) struct Kafka {
    brokers: String,
    producer: FutureProducer,
    /// For what is asked of the brokers; it reads nothing.
    client: BaseConsumer,
    kind: Kind,
}

enum Kind {
    /// Ends with this.
    Embedded { _broker: Broker },
    /// The next may begin when this is dropped.
    Real { _turn: MutexGuard<'static, ()> },
}

impl Kafka {
    /// A broker of its own in this process.
    pub(crate) fn embedded() -> Self {
        let broker = Broker::start().unwrap();
        let brokers = broker.address().to_string();
        Self::new(brokers, Kind::Embedded { _broker: broker })
    }

    /// The real one, cleared of what earlier scenarios left.
    pub(crate) async fn real() -> Self {
        let brokers = std::env::var("KAFMESH_TEST_BROKERS").unwrap_or_default();
        assert!(
            !brokers.is_empty(),
            "these tests need a real Kafka: start one with `cargo xtask servers kafka`, or name yours in KAFMESH_TEST_BROKERS"
        );
        let turn = TURN.lock().await;
        let kafka = Self::new(brokers, Kind::Real { _turn: turn });
        kafka.clear().await;
        kafka
    }

    fn new(brokers: String, kind: Kind) -> Self {
        let producer = client(&brokers)
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "0")
            .create()
            .unwrap();
        let client = client(&brokers).create().unwrap();
        Self {
            brokers,
            producer,
            client,
            kind,
        }
    }

    /// What a service has to know to use it.
    pub(crate) fn config(&self) -> kafmesh::Config {
        kafmesh::Config::new(&self.brokers)
            .with_listen("127.0.0.1:0".parse().unwrap())
            .with_commit_interval(Duration::from_millis(100))
            // A scenario that fails leaves members behind, which the next one has to wait for.
            .with_kafka("session.timeout.ms", "6000")
            .with_kafka("heartbeat.interval.ms", "1000")
            .with_dev(matches!(self.kind, Kind::Embedded { .. }))
    }

    /// Creates a compacted topic, as the other service that owns it would.
    pub(crate) async fn create(&self, topic: &str, partitions: i32) {
        let new = NewTopic {
            name: topic,
            num_partitions: partitions,
            replication: TopicReplication::Fixed(1),
            config: vec![("cleanup.policy", "compact")],
        };
        let created = self
            .admin()
            .create_topics([&new], &AdminOptions::new())
            .await
            .unwrap();
        assert_eq!(created, [Ok(topic.to_owned())]);
        eventually("the topic is listed", || self.topics().contains_key(topic)).await;
    }

    /// Writes a record as other services do, and waits until Kafka has it.
    pub(crate) async fn write<M: Message>(&self, topic: &str, key: &str, message: &M) {
        let value = message.encode_to_vec();
        self.put(FutureRecord::to(topic).key(key).payload(&value))
            .await;
    }

    /// Writes a delete, and waits until Kafka has it.
    pub(crate) async fn write_delete(&self, topic: &str, key: &str) {
        self.put(FutureRecord::<_, [u8]>::to(topic).key(key)).await;
    }

    async fn put(&self, record: FutureRecord<'_, str, impl rdkafka::message::ToBytes + ?Sized>) {
        self.producer.send(record, PATIENCE).await.unwrap();
    }

    /// Key and message of all records of a topic, by partition and offset; a delete has no message.
    pub(crate) fn read<M: Message + Default>(&self, topic: &str) -> Vec<(String, Option<M>)> {
        let consumer: BaseConsumer = client(&self.brokers)
            .set("group.id", "reads without a group")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "20")
            .create()
            .unwrap();
        let mut left = self.topics()[topic];
        let mut assignment = TopicPartitionList::new();
        for partition in 0..left {
            assignment
                .add_partition_offset(topic, partition as i32, Offset::Offset(0))
                .unwrap();
        }
        consumer.assign(&assignment).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut records = Vec::new();
        while left > 0 {
            assert!(Instant::now() < deadline, "{topic} does not come to an end");
            match consumer.poll(Duration::from_millis(100)) {
                None => {}
                Some(Err(KafkaError::PartitionEOF(_))) => left -= 1,
                Some(Err(error)) => panic!("reading {topic}: {error}"),
                Some(Ok(record)) => {
                    let place = (record.partition(), record.offset());
                    let key = String::from_utf8(record.key().unwrap().to_vec()).unwrap();
                    let message = record.payload().map(|value| M::decode(value).unwrap());
                    records.push((place, (key, message)));
                }
            }
        }
        records.sort_by_key(|(place, _)| *place);
        records.into_iter().map(|(_, record)| record).collect()
    }

    /// Key and message of all records of a topic once there are `count`; there must not be more.
    pub(crate) async fn read_all<M: Message + Default + std::fmt::Debug>(
        &self,
        topic: &str,
        count: usize,
    ) -> Vec<(String, M)> {
        eventually(&format!("{topic} has {count} records"), || {
            self.count(topic) >= count
        })
        .await;
        let records = self.read::<M>(topic);
        assert_eq!(records.len(), count, "{records:?}");
        records
            .into_iter()
            .map(|(key, message)| (key, message.expect("no delete")))
            .collect()
    }

    /// The number of records of a topic.
    pub(crate) fn count(&self, topic: &str) -> usize {
        let partitions = 0..self.topics()[topic] as i32;
        let counts = partitions.map(|partition| self.end(topic, partition));
        counts.sum::<i64>() as usize
    }

    /// The offset after the last record of a partition.
    fn end(&self, topic: &str, partition: i32) -> i64 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.client.fetch_watermarks(topic, partition, PATIENCE) {
                Ok((_, end)) => return end,
                // A topic that is new has no leader for a moment.
                Err(error) => assert!(Instant::now() < deadline, "{topic}: {error}"),
            }
        }
    }

    /// Waits until `group` has committed everything that is in `topic` now.
    pub(crate) async fn committed(&self, group: &str, topic: &str) {
        let consumer: BaseConsumer = client(&self.brokers)
            .set("group.id", group)
            .create()
            .unwrap();
        let mut asked = TopicPartitionList::new();
        for partition in 0..self.topics()[topic] {
            asked.add_partition(topic, partition as i32);
        }
        eventually(&format!("{group} has committed all of {topic}"), || {
            let committed = consumer.committed_offsets(asked.clone(), PATIENCE).unwrap();
            committed.elements().iter().all(|partition| {
                let end = self.end(topic, partition.partition());
                match partition.offset() {
                    Offset::Offset(offset) => offset == end,
                    _ => end == 0,
                }
            })
        })
        .await;
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        client(&self.brokers).create().unwrap()
    }

    /// The number of partitions of every topic.
    fn topics(&self) -> BTreeMap<String, usize> {
        let metadata = self.client.fetch_metadata(None, PATIENCE).unwrap();
        let topics = metadata.topics().iter();
        topics
            .map(|topic| (topic.name().to_owned(), topic.partitions().len()))
            .collect()
    }

    /// Deletes all topics and groups of the shop.
    async fn clear(&self) {
        let ours = |name: &str| OURS.iter().any(|prefix| name.starts_with(prefix));
        // The first thing that is asked of it; when it is not there, every scenario waits this long.
        let groups = self.client.fetch_group_list(None, Duration::from_secs(10));
        let groups = groups.unwrap_or_else(|error| panic!("Kafka at {}: {error}", self.brokers));
        for group in groups.groups().iter().filter(|group| ours(group.name())) {
            // A member that did not leave in order is a member until its session ends.
            let deadline = Instant::now() + PATIENCE;
            let options = AdminOptions::new();
            while let Err(error) = self
                .admin()
                .delete_groups(&[group.name()], &options)
                .await
                .unwrap()
                .remove(0)
            {
                assert!(Instant::now() < deadline, "{error:?}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        let topics = self.topics();
        let topics: Vec<&str> = topics
            .keys()
            .map(String::as_str)
            .filter(|name| ours(name))
            .collect();
        if !topics.is_empty() {
            let deleted = self
                .admin()
                .delete_topics(&topics, &AdminOptions::new())
                .await
                .unwrap();
            assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
            eventually("the topics are gone", || {
                !self.topics().keys().any(|name| ours(name))
            })
            .await;
        }
    }
}

fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}
