//! The cluster measured on: its topics, what is loaded into them, and what is read back.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

/// Number of partitions of every topic, as in the definition.
pub(crate) const PARTITIONS: i32 = 4;

/// What everybody reads.
pub(crate) const INPUT: &str = "kafmeshBench.userId.click";
/// What each contender writes.
pub(crate) const TOTALS: &str = "kafmeshBench.userId.totalClicks";
pub(crate) const CHANGELOG: &str = "kafmeshBench.clicks.totalClicks-table";
pub(crate) const PASSED: &str = "kafmeshBench.passThrough";
pub(crate) const BARE: &str = "kafmeshBench.bare";

/// The table that is restored, viewed and looked up: the changelog of the processor `read back`.
pub(crate) const TABLE: &str = "kafmeshBench.tables.readBack-table";
/// What `read back` found.
pub(crate) const FOUND: &str = "kafmeshBench.found";

/// The table that clicks are joined with.
pub(crate) const USERS: &str = "kafmeshBench.users";
pub(crate) const JOINED: &str = "kafmeshBench.joined";
pub(crate) const LOOKED_UP: &str = "kafmeshBench.lookedUp";

const OUTPUTS: [&str; 7] = [TOTALS, CHANGELOG, PASSED, BARE, FOUND, JOINED, LOOKED_UP];

/// The group of the bare loop, which is in no definition.
pub(crate) const BARE_GROUP: &str = "kafmeshBench.bare";
const GROUPS: [&str; 6] = [
    "kafmeshBench.clicks.totalClicks",
    "kafmeshBench.clicks.passThrough",
    "kafmeshBench.tables.readBack",
    "kafmeshBench.joins.join",
    "kafmeshBench.joins.lookup",
    BARE_GROUP,
];

/// What becomes of old records; the same as in the definition.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cleanup {
    Delete,
    Compact,
}

/// Other settings of the topics that are made here, equal to those of the definition.
const TOPIC_SETTINGS: [(&str, &str); 2] =
    [("retention.ms", "86400000"), ("segment.ms", "43200000")];

const TIMEOUT: Duration = Duration::from_secs(30);
/// How long the cluster may take to carry out what it has agreed to.
const SETTLE_LIMIT: Duration = Duration::from_secs(60);
/// How long to wait before it is asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// A cluster, through the eyes of the benchmark.
pub(crate) struct Cluster {
    brokers: String,
    admin: AdminClient<DefaultClientContext>,
    runtime: tokio::runtime::Runtime,
}

impl Cluster {
    /// Reaches the cluster.
    pub(crate) fn connect(brokers: &str) -> Result<Self> {
        let admin: AdminClient<_> = config(brokers).create()?;
        admin
            .inner()
            .fetch_metadata(None, TIMEOUT)
            .with_context(|| format!("no Kafka at {brokers}"))?;
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        Ok(Self {
            brokers: brokers.to_owned(),
            admin,
            runtime,
        })
    }

    /// Where it is.
    pub(crate) fn brokers(&self) -> &str {
        &self.brokers
    }

    /// Deletes what an earlier benchmark left, and makes an empty input.
    pub(crate) fn prepare(&self) -> Result<()> {
        self.clean()?;
        self.create(INPUT, Cleanup::Delete)
    }

    /// Deletes everything the benchmark made.
    pub(crate) fn clean(&self) -> Result<()> {
        self.reset()?;
        self.delete(&[INPUT, TABLE, USERS])
    }

    /// Makes the next run start from nothing: no outputs, no committed offsets.
    pub(crate) fn reset(&self) -> Result<()> {
        self.delete(&OUTPUTS)?;
        GROUPS.iter().try_for_each(|group| self.delete_group(group))
    }

    /// Makes a group forget its offsets.
    pub(crate) fn delete_group(&self, group: &str) -> Result<()> {
        let started = Instant::now();
        loop {
            let deleted = self
                .runtime
                .block_on(self.admin.delete_groups(&[group], &AdminOptions::new()))?;
            match deleted.into_iter().find_map(Result::err) {
                None | Some((_, RDKafkaErrorCode::GroupIdNotFound)) => return Ok(()),
                Some((_, code)) if is_passing(code) && started.elapsed() < SETTLE_LIMIT => {
                    std::thread::sleep(PAUSE)
                }
                Some((_, code)) => bail!("cannot delete the consumer group {group}: {code}"),
            }
        }
    }

    /// Makes a topic with the settings all topics here have.
    pub(crate) fn create(&self, topic: &str, cleanup: Cleanup) -> Result<()> {
        let mut new = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
        new = new.set(
            "cleanup.policy",
            match cleanup {
                Cleanup::Delete => "delete",
                Cleanup::Compact => "compact",
            },
        );
        for (name, value) in TOPIC_SETTINGS {
            new = new.set(name, value);
        }
        for created in self
            .runtime
            .block_on(self.admin.create_topics([&new], &AdminOptions::new()))?
        {
            if let Err((topic, code)) = created {
                bail!("cannot create the topic {topic}: {code}");
            }
        }
        // The broker answers before it has heard of the topic itself.
        self.wait_for(&[topic], true)
    }

    pub(crate) fn delete(&self, topics: &[&str]) -> Result<()> {
        for deleted in self
            .runtime
            .block_on(self.admin.delete_topics(topics, &AdminOptions::new()))?
        {
            match deleted {
                Ok(_) | Err((_, RDKafkaErrorCode::UnknownTopicOrPartition)) => {}
                Err((topic, code)) => bail!("cannot delete the topic {topic}: {code}"),
            }
        }
        self.wait_for(topics, false)
    }

    /// Waits until the cluster knows all of `topics`, or none of them.
    fn wait_for(&self, topics: &[&str], known: bool) -> Result<()> {
        let started = Instant::now();
        loop {
            let metadata = self.admin.inner().fetch_metadata(None, TIMEOUT)?;
            let is_known = |topic: &&str| {
                let found = metadata
                    .topics()
                    .iter()
                    .find(|candidate| candidate.name() == *topic);
                found.is_some_and(|topic| {
                    topic
                        .partitions()
                        .iter()
                        .all(|partition| partition.leader() >= 0)
                })
            };
            if topics.iter().all(|topic| is_known(topic) == known) {
                return Ok(());
            }
            if started.elapsed() > SETTLE_LIMIT {
                bail!(
                    "the cluster still has not {} {} after {SETTLE_LIMIT:?}",
                    if known { "created" } else { "deleted" },
                    topics.join(", ")
                );
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Writes records to `topic`.
    pub(crate) fn load(
        &self,
        topic: &str,
        records: impl Iterator<Item = (String, Vec<u8>)>,
    ) -> Result<()> {
        let producer: BaseProducer = producer_config(&self.brokers).create()?;
        for (number, (key, value)) in records.enumerate() {
            let mut next = BaseRecord::to(topic).key(&key).payload(&value);
            while let Err((error, refused)) = producer.send(next) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error.into());
                }
                producer.poll(Duration::from_millis(10));
                next = refused;
            }
            if number % 10_000 == 0 {
                producer.poll(Duration::ZERO);
            }
        }
        producer.flush(TIMEOUT)?;
        Ok(())
    }

    /// The offset after the last record of each partition.
    pub(crate) fn ends(&self, topic: &str) -> Result<Vec<i64>> {
        (0..PARTITIONS)
            .map(|partition| {
                Ok(self
                    .admin
                    .inner()
                    .fetch_watermarks(topic, partition, TIMEOUT)?
                    .1)
            })
            .collect()
    }

    /// Reads a whole topic: partition, key and value of every record, in order per partition.
    pub(crate) fn scan(&self, topic: &str, mut each: impl FnMut(i32, &[u8], &[u8])) -> Result<()> {
        let mut consumer = config(&self.brokers);
        consumer
            .set("group.id", "kafmeshBench.verify")
            .set("enable.auto.commit", "false")
            .set("fetch.queue.backoff.ms", "5");
        consumer.set("enable.partition.eof", "true");
        let consumer: BaseConsumer = consumer.create()?;
        let mut partitions = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            partitions.add_partition_offset(topic, partition, Offset::Beginning)?;
        }
        consumer.assign(&partitions)?;
        let mut open = PARTITIONS;
        while open > 0 {
            match consumer.poll(TIMEOUT) {
                Some(Ok(message)) => each(
                    message.partition(),
                    message.key().unwrap_or_default(),
                    message.payload().unwrap_or_default(),
                ),
                Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
                Some(Err(error)) => {
                    return Err(error).with_context(|| format!("cannot read {topic}"));
                }
                None => bail!("cannot read {topic}: nothing came for {TIMEOUT:?}"),
            }
        }
        Ok(())
    }
}

/// Whether a group that cannot be deleted now can be later: a new cluster has no coordinator until it has made the topic
/// for offsets, and a process that was killed stays a member until its session expires.
fn is_passing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::NotCoordinator
            | Code::CoordinatorNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::NonEmptyGroup
            | Code::OperationTimedOut
            | Code::RequestTimedOut
    )
}

/// Properties of every client here.
pub(crate) fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", brokers)
        .set("client.id", "kafmesh-bench");
    config
}

/// Properties of every producer here: the guarantees, the batches and the partitioner of kafmesh's own.
pub(crate) fn producer_config(brokers: &str) -> ClientConfig {
    let mut config = config(brokers);
    config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "10")
        .set("batch.num.messages", "10000")
        .set("batch.size", "1000000")
        .set("queue.buffering.max.messages", "100000")
        .set("queue.buffering.max.kbytes", "65536")
        .set("partitioner", "murmur2_random")
        .set("compression.type", "none");
    config
}
