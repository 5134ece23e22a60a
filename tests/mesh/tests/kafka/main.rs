//! What kafmesh-discover reads of a real Kafka, and of services that run on it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

mod declared;
mod relay;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use kafmesh_discover::config;
use kafmesh_discover::kafka;
use kafmesh_discover::mesh::actual::{Actual, Lag};
use kafmesh_discover::status::{Part, Status, Statuses};
use kafmesh_mesh_tests::servers;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

fn brokers() -> String {
    servers::required("KAFMESH_TEST_BROKERS", "cargo xtask servers kafka")
}

/// A name that no other test, or run of it, uses.
fn unique(name: &str) -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    format!("mesh-tests.{name}.{}", now.as_nanos())
}

fn client() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers());
    config
}

async fn create(topic: &str, partitions: i32) {
    let admin: AdminClient<DefaultClientContext> = client().create().unwrap();
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let created = admin.create_topics(&[new], &AdminOptions::new()).await;
    created.unwrap().remove(0).unwrap();
}

fn produce(topic: &str, partition: i32, records: usize) {
    let producer: ThreadedProducer<DefaultProducerContext> = client().create().unwrap();
    for _ in 0..records {
        let record = BaseRecord::<str, str>::to(topic)
            .partition(partition)
            .payload("x");
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

fn commit(group: &str, topic: &str, offsets: &[(i32, i64)]) {
    let consumer: BaseConsumer = client().set("group.id", group).create().unwrap();
    let mut list = TopicPartitionList::new();
    for (partition, offset) in offsets {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset))
            .unwrap();
    }
    consumer.commit(&list, CommitMode::Sync).unwrap();
}

/// kafmesh-discover's reading of Kafka, until it is dropped.
struct Reading {
    actual: watch::Receiver<Option<Arc<Actual>>>,
    statuses: Statuses,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Reading {
    fn of(brokers: &str) -> Self {
        let (sender, actual) = watch::channel(None);
        let statuses = Statuses::new([Part::Kafka]);
        let stop = CancellationToken::new();
        let config = config::Kafka {
            brokers: brokers.to_owned(),
            properties: BTreeMap::new(),
            interval: Duration::from_millis(200),
        };
        let task = {
            let (statuses, stop) = (statuses.clone(), stop.clone());
            tokio::spawn(async move { kafka::run(&config, sender, statuses, stop).await })
        };
        Self {
            actual,
            statuses,
            stop,
            task,
        }
    }

    /// What is read once `holds` is true of it.
    async fn when(&mut self, holds: impl Fn(&Actual) -> bool) -> Arc<Actual> {
        let waited = self
            .actual
            .wait_for(|actual| actual.as_deref().is_some_and(&holds));
        let read = tokio::time::timeout(Duration::from_secs(60), waited).await;
        match read {
            Ok(actual) => actual.unwrap().clone().unwrap(),
            Err(_) => panic!(
                "not so within a minute: {:?}",
                self.statuses.get(Part::Kafka)
            ),
        }
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

#[tokio::test]
async fn topics_groups_and_lag_are_read() {
    let topic = unique("lag");
    let group = unique("group");
    create(&topic, 3).await;
    produce(&topic, 0, 10);
    produce(&topic, 1, 5);
    commit(&group, &topic, &[(0, 4)]);

    let mut reading = Reading::of(&brokers());
    let actual = reading
        .when(|actual| actual.groups.contains_key(&group))
        .await;
    let read = &actual.topics[&topic];
    assert_eq!(
        (read.partitions, read.replication, read.end),
        (3, 1, Some(15))
    );
    let lag = Lag {
        records: 6,
        uncommitted: 1,
    };
    let read = &actual.groups[&group];
    assert_eq!(read.lag, BTreeMap::from([(topic.clone(), lag)]));
    assert_eq!((read.state.as_str(), read.members), ("Empty", Some(0)));
    assert!(!actual.topics.contains_key("__consumer_offsets"));

    commit(&group, &topic, &[(0, 10), (1, 5)]);
    let caught_up = Some(&Lag::default());
    reading
        .when(|actual| actual.groups[&group].lag.get(&topic) == caught_up)
        .await;
    assert_eq!(reading.statuses.get(Part::Kafka), Some(Status::Working));
    reading.end().await;
}

/// A member of a group, which reads from a topic until it leaves.
struct Member {
    stop: Arc<AtomicBool>,
    polling: JoinHandle<()>,
}

impl Member {
    fn of(group: &str, topic: &str, protocol: &str) -> Self {
        let consumer: BaseConsumer = client()
            .set("group.id", group)
            .set("group.protocol", protocol)
            .create()
            .unwrap();
        consumer.subscribe(&[topic]).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        let polling = std::thread::spawn(move || {
            while !asked.load(Ordering::Relaxed) {
                consumer.poll(Duration::from_millis(100));
            }
        });
        Self { stop, polling }
    }

    fn leave(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.polling.join().unwrap();
    }
}

/// Both kinds of groups: librdkafka lists and describes them by different requests.
async fn members_are_counted(protocol: &str) {
    let topic = unique(protocol);
    let group = unique(protocol);
    create(&topic, 2).await;
    let member = Member::of(&group, &topic, protocol);
    let mut reading = Reading::of(&brokers());
    let one_member = |actual: &Actual| {
        let read = actual.groups.get(&group);
        read.is_some_and(|read| read.members == Some(1) && read.state == "Stable")
    };
    reading.when(one_member).await;
    member.leave();
    let none = |actual: &Actual| actual.groups[&group].members == Some(0);
    reading.when(none).await;
    reading.end().await;
}

#[tokio::test]
async fn members_of_a_classic_group_are_counted() {
    members_are_counted("classic").await;
}

#[tokio::test]
async fn members_of_a_consumer_group_are_counted() {
    members_are_counted("consumer").await;
}

#[tokio::test]
async fn a_kafka_that_is_away_is_told_and_tried_again() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let reading = Reading::of(&address.to_string());
    let failing = async {
        loop {
            match reading.statuses.get(Part::Kafka) {
                Some(Status::Failing { why, .. }) => break why,
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    };
    let why = tokio::time::timeout(Duration::from_secs(60), failing)
        .await
        .unwrap();
    assert!(
        why.starts_with(&format!("{address}: topics cannot be read: ")),
        "{why}"
    );
    assert!(reading.actual.borrow().is_none());
    reading.end().await;
}
