//! The client against a real Kafka, which `KAFMESH_TEST_BROKERS` names, or a mock broker.

mod admin;
mod errors;
mod group;
mod producer;
mod purge;
mod reader;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ::rdkafka::mocking::MockCluster;
use ::rdkafka::producer::DefaultProducerContext;
use tokio::time::timeout;

use super::admin::TopicCreation;
use super::*;
use crate::Result;
use crate::kafka::{OutTopic, Outbox, TopicPartition};

/// Longer than anything here takes; a hang fails instead of blocking the run.
const PATIENCE: Duration = Duration::from_secs(60);

fn brokers() -> String {
    std::env::var("KAFMESH_TEST_BROKERS")
        .expect("these tests need a real Kafka: start one with `cargo xtask servers kafka`, or name yours in KAFMESH_TEST_BROKERS")
}

fn cluster_with(properties: &[(&str, &str)]) -> Cluster {
    let properties = properties
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Cluster::new(&brokers(), &properties.collect::<BTreeMap<_, _>>()).unwrap()
}

fn cluster() -> Cluster {
    cluster_with(&[])
}

/// A cluster of one broker that can be taken down, with a topic `t` of one partition.
pub(crate) fn mock_with(
    properties: &[(&str, &str)],
) -> (MockCluster<'static, DefaultProducerContext>, Cluster) {
    let broker = MockCluster::new(1).unwrap();
    broker.create_topic("t", 1, 1).unwrap();
    let properties = properties
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let cluster = Cluster::new(&broker.bootstrap_servers(), &properties.collect()).unwrap();
    (broker, cluster)
}

/// A name nobody else uses: tests run side by side and again on the same Kafka.
fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    format!(
        "test-{what}-{}-{}",
        now.as_nanos(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

async fn topic(cluster: &Cluster, what: &str, partitions: i32) -> String {
    let name = unique(what);
    // The records' timestamps are old: without this the broker may delete them before they are read.
    let config = vec![("retention.ms".to_owned(), "-1".to_owned())];
    let topic = NewTopic {
        name: name.clone(),
        partitions,
        replication: 1,
        config,
    };
    let created = cluster.create_topics(&[topic]).await.unwrap();
    assert_eq!(created, [(name.clone(), Ok(TopicCreation::Created))]);
    name
}

fn append(
    outbox: &mut Outbox,
    topic: OutTopic,
    partition: i32,
    timestamp: i64,
    key: &str,
    value: &[u8],
) {
    outbox.append(
        topic,
        partition,
        timestamp,
        key.as_bytes(),
        Some(|buffer: &mut Vec<u8>| buffer.extend_from_slice(value)),
    );
}

async fn send(producer: &Producer, lane: &Lane, outbox: &mut Outbox) -> Result<()> {
    let mut sent = 0;
    while !producer.send(lane, outbox, &mut sent)? {
        timeout(PATIENCE, producer.room())
            .await
            .expect("the producer never has room again");
    }
    Ok(())
}

/// Writes `count` records `0, 1, …` to a partition.
async fn fill(cluster: &Cluster, topic: &str, partition: i32, count: i64) {
    let producer = cluster.producer("fill").unwrap();
    let lane = producer.lane();
    let out = producer.topic(topic, 1).unwrap();
    let mut outbox = Outbox::default();
    for index in 0..count {
        append(
            &mut outbox,
            out,
            partition,
            1,
            "k",
            index.to_string().as_bytes(),
        );
    }
    send(&producer, &lane, &mut outbox).await.unwrap();
    lane.drained().await.unwrap();
}

async fn next(stream: &mut PartitionStream) -> Polled {
    timeout(PATIENCE, stream.next())
        .await
        .expect("nothing was read")
        .unwrap()
}

/// The offsets of the records up to the end of the partition, and the end.
async fn read_to_end(stream: &mut PartitionStream) -> (Vec<i64>, i64) {
    let mut offsets = Vec::new();
    loop {
        match next(stream).await {
            Polled::Records(batch) => offsets.extend(batch.records().map(|record| record.offset)),
            Polled::End(end) => return (offsets, end),
        }
    }
}
