//! What kafmesh-discover reads of a real Kafka, and of services that run on it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

mod acl;
mod declared;
mod relay;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use kafmesh_discover::config;
use kafmesh_discover::kafka;
use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::actual::{Actual, Lag, Told};
use kafmesh_discover::mesh::description::{Component, Description, Worker};
use kafmesh_discover::status::{Part, Status, Statuses};
use kafmesh_mesh_tests::{sample, servers};
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
    mesh: watch::Sender<Arc<Mesh>>,
    told: watch::Receiver<Told>,
    statuses: Statuses,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Reading {
    fn of(brokers: &str) -> Self {
        Self::with(brokers, &[])
    }

    fn with(brokers: &str, properties: &[(&str, &str)]) -> Self {
        Self::every(Duration::from_millis(200), brokers, properties)
    }

    fn every(interval: Duration, brokers: &str, properties: &[(&str, &str)]) -> Self {
        let properties = properties.iter();
        let properties =
            properties.map(|(name, value)| ((*name).to_owned(), config::Secret::new(*value)));
        let (sender, told) = watch::channel(Told::default());
        let statuses = Statuses::new([Part::Kafka]);
        let stop = CancellationToken::new();
        let config = config::Kafka {
            brokers: brokers.to_owned(),
            properties: properties.collect(),
            interval,
        };
        let (mesh, declared) = watch::channel(Arc::default());
        let task = {
            let (statuses, stop) = (statuses.clone(), stop.clone());
            let client = kafka::Client::new(&config).unwrap();
            tokio::spawn(async move {
                kafka::run(client, &config, declared, sender, statuses, stop).await;
            })
        };
        Self {
            mesh,
            told,
            statuses,
            stop,
            task,
        }
    }

    /// What is read once `holds` is true of it.
    async fn when(&mut self, holds: impl Fn(&Actual) -> bool) -> Arc<Actual> {
        let waited = self
            .told
            .wait_for(|told| told.read().is_some_and(|actual| holds(actual)));
        let read = tokio::time::timeout(Duration::from_secs(60), waited).await;
        match read {
            Ok(told) => told.unwrap().read().unwrap().clone(),
            Err(_) => panic!(
                "not so within a minute: {:?}",
                self.statuses.get(Part::Kafka)
            ),
        }
    }

    /// Why it fails, once the reason has `part` in it.
    async fn failing(&self, part: &str) -> String {
        for _ in 0..1200 {
            if let Some(Status::Failing { why, .. }) = self.statuses.get(Part::Kafka)
                && why.contains(part)
            {
                return why;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let status = self.statuses.get(Part::Kafka);
        panic!("not for {part:?} within a minute: {status:?}");
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
    assert_eq!((read.with_records, read.unknown), (2, 0));
    let lag = Lag {
        records: 6,
        uncommitted: 1,
        unknown: 0,
    };
    let read = &actual.groups[&group];
    assert_eq!(read.lag, Some(BTreeMap::from([(topic.clone(), lag)])));
    assert_eq!((read.state.as_str(), read.members), ("Empty", Some(0)));
    assert!(!actual.topics.contains_key("__consumer_offsets"));

    commit(&group, &topic, &[(0, 10), (1, 5)]);
    let caught_up = Some([(topic.clone(), Lag::default())].into());
    let last = reading
        .when(|actual| actual.groups[&group].lag == caught_up)
        .await;
    // It is read again and again, and when it was read last is told.
    reading
        .when(|actual| actual.at > last.at && actual.groups[&group].lag == caught_up)
        .await;
    assert_eq!(reading.statuses.get(Part::Kafka), Some(Status::Working));
    reading.end().await;
}

#[tokio::test]
async fn what_services_begin_to_declare_is_asked_for_soon() {
    let (topic, group) = (unique("topic"), unique("group"));
    let mut reading = Reading::every(Duration::from_secs(3600), &brokers(), &[]);
    let none = |actual: &Actual| actual.missing_topics.is_empty();
    reading.when(none).await;
    let sink = Worker {
        name: "ship".to_owned(),
        topic: topic.clone(),
        group: group.clone(),
        ..Worker::default()
    };
    let component = Component {
        name: "math".to_owned(),
        sinks: vec![sink],
        ..Component::default()
    };
    let service = Description {
        service: "shipper".to_owned(),
        components: vec![component],
        ..Description::default()
    };
    let pod = sample::answered("shipper-1", 0, &Arc::new(service));
    reading.mesh.send_replace(Arc::new(sample::mesh(0, [pod])));
    let both = |actual: &Actual| {
        actual.missing_topics.contains(&topic) && actual.missing_groups.contains(&group)
    };
    reading.when(both).await;
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
async fn a_kafka_that_is_away_is_told_with_the_cause() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut reading = Reading::of(&address.to_string());
    let why = reading.failing("Connection refused").await;
    let start = format!("{address}: topics could not be read: ");
    assert!(why.starts_with(&start), "{why}");
    assert!(!why.contains("brokers are down"), "{why}");
    // What others have read of it is stale now.
    let is_marked =
        |told: &Told| matches!(told, Told::Nothing(unread) if unread.failing_since.is_some());
    reading.told.wait_for(is_marked).await.unwrap();
    reading.end().await;
}

#[tokio::test]
async fn a_refused_login_is_told_with_the_cause() {
    // The listener wants no login, and so refuses to hear of one.
    let properties = [
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanisms", "PLAIN"),
        ("sasl.username", "somebody"),
        ("sasl.password", "a secret"),
    ];
    let reading = Reading::with(&brokers(), &properties);
    let why = reading.failing("SASL").await;
    assert!(why.contains("topics could not be read: "), "{why}");
    assert!(!why.contains("a secret"), "{why}");
    reading.end().await;
}

#[tokio::test]
async fn a_port_of_something_else_is_told_with_the_cause() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap();
    // Takes what is sent and hangs up, as a port does that expects TLS. librdkafka only logs that.
    std::thread::spawn(move || {
        for stream in other.incoming() {
            let mut start = [0; 4096];
            let _ = std::io::Read::read(&mut stream.unwrap(), &mut start);
        }
    });
    let reading = Reading::of(&address.to_string());
    let why = reading.failing("Disconnected").await;
    assert!(why.starts_with(&format!("{address}: ")), "{why}");
    reading.end().await;
}
