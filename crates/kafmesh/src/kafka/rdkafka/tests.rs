//! The client against a real Kafka, which `KAFMESH_TEST_BROKERS` names.

mod errors;
mod purge;

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
fn mock_with(
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_is_read_back_in_order() {
    const PARTITIONS: i32 = 4;
    const EACH: usize = 50_000;
    let cluster = cluster();
    let name = topic(&cluster, "roundtrip", PARTITIONS).await;
    let producer = cluster.producer("roundtrip").unwrap();
    let out = producer.topic(&name, PARTITIONS).unwrap();
    let lane = producer.lane();
    let mut outbox = Outbox::default();
    for index in 0..EACH {
        for partition in 0..PARTITIONS {
            let key = if index % 7 == 0 {
                String::new()
            } else {
                format!("key-{partition}-{index}")
            };
            let timestamp = 1_600_000_000_000 + index as i64;
            match index % 3 {
                0 => outbox.append(
                    out,
                    partition,
                    timestamp,
                    key.as_bytes(),
                    None::<fn(&mut Vec<u8>)>,
                ),
                1 => append(&mut outbox, out, partition, timestamp, &key, b""),
                _ => append(
                    &mut outbox,
                    out,
                    partition,
                    timestamp,
                    &key,
                    index.to_string().as_bytes(),
                ),
            }
            if index % 5 == 0 {
                outbox.header("origin", b"");
                outbox.header("index", index.to_string().as_bytes());
            }
        }
        if outbox.len() >= 1000 {
            send(&producer, &lane, &mut outbox).await.unwrap();
        }
    }
    send(&producer, &lane, &mut outbox).await.unwrap();
    timeout(PATIENCE, lane.drained()).await.unwrap().unwrap();
    assert_eq!(lane.outstanding(), 0);

    let reader = cluster.reader().unwrap();
    for partition in 0..PARTITIONS {
        assert_eq!(
            reader.watermarks(&name, partition).await.unwrap(),
            (0, EACH as i64)
        );
        let mut stream = reader.open(&name, partition, 0).await.unwrap();
        let mut index = 0;
        loop {
            let batch = match next(&mut stream).await {
                Polled::Records(batch) => batch,
                Polled::End(end) => {
                    assert_eq!((end, index), (EACH as i64, EACH));
                    break;
                }
            };
            assert_eq!(
                (&**batch.topic(), batch.partition()),
                (name.as_str(), partition)
            );
            for record in batch.records() {
                assert_eq!(record.offset, index as i64);
                assert_eq!(record.timestamp, 1_600_000_000_000 + index as i64);
                let key = if index % 7 == 0 {
                    String::new()
                } else {
                    format!("key-{partition}-{index}")
                };
                assert_eq!(record.key, Some(key.as_bytes()));
                let text = index.to_string();
                assert_eq!(
                    record.value,
                    [None, Some(&b""[..]), Some(text.as_bytes())][index % 3]
                );
                let expected: &[(&str, &[u8])] = if index % 5 == 0 {
                    &[("origin", b""), ("index", text.as_bytes())]
                } else {
                    &[]
                };
                assert_eq!(record.headers.iter().collect::<Vec<_>>(), expected);
                index += 1;
            }
        }
    }
}

#[tokio::test]
async fn a_reader_tells_every_end_and_goes_on_after_it() {
    let cluster = cluster();
    let name = topic(&cluster, "ends", 1).await;
    let reader = cluster.reader().unwrap();
    let mut stream = reader.open(&name, 0, 0).await.unwrap();
    assert_eq!(read_to_end(&mut stream).await, (vec![], 0));
    fill(&cluster, &name, 0, 3).await;
    assert_eq!(read_to_end(&mut stream).await, (vec![0, 1, 2], 3));

    let error = reader.open(&name, 0, 0).await.map(drop).unwrap_err();
    assert!(
        error.to_string().contains("this reader reads it already"),
        "{error}"
    );
    drop(stream);
    let mut again = reader.open(&name, 0, 1).await.unwrap();
    assert_eq!(read_to_end(&mut again).await, (vec![1, 2], 3));
}

#[tokio::test]
async fn an_offset_that_does_not_exist_is_an_error() {
    let cluster = cluster();
    let name = topic(&cluster, "range", 1).await;
    fill(&cluster, &name, 0, 3).await;
    let reader = cluster.reader().unwrap();
    let mut stream = reader.open(&name, 0, 100).await.unwrap();
    let error = timeout(PATIENCE, stream.next())
        .await
        .unwrap()
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&name) && error.contains("partition 0"),
        "{error}"
    );
}

#[tokio::test]
async fn nothing_is_lost_when_a_read_is_cancelled() {
    let cluster = cluster();
    let name = topic(&cluster, "cancel", 1).await;
    fill(&cluster, &name, 0, 20_000).await;
    let reader = cluster.reader().unwrap();
    let mut stream = reader.open(&name, 0, 0).await.unwrap();
    let mut offsets = Vec::new();
    while offsets.len() < 20_000 {
        tokio::select! {
            biased;
            polled = stream.next() => {
                if let Polled::Records(batch) = polled.unwrap() {
                    offsets.extend(batch.records().map(|record| record.offset));
                }
            }
            () = tokio::task::yield_now() => {}
        }
    }
    assert!(offsets.into_iter().eq(0..20_000));
}

#[tokio::test]
async fn records_outlive_their_stream_and_reader() {
    let cluster = cluster();
    let name = topic(&cluster, "outlive", 1).await;
    fill(&cluster, &name, 0, 10).await;
    let reader = cluster.reader().unwrap();
    let mut stream = reader.open(&name, 0, 0).await.unwrap();
    let Polled::Records(batch) = next(&mut stream).await else {
        panic!("records come before the end")
    };
    drop((stream, reader, cluster));
    assert_eq!(batch.record(0).value, Some(&b"0"[..]));
}

/// A member that reads everything it is assigned and commits whenever partitions move.
struct Member {
    consumer: GroupConsumer,
    streams: Vec<PartitionStream>,
    positions: Vec<(TopicPartition, i64)>,
    read: Vec<(i32, i64)>,
}

impl Member {
    fn join(cluster: &Cluster, group: &str, topic: &str) -> Self {
        let consumer = cluster.group_consumer(group, None, &[topic]).unwrap();
        Self {
            consumer,
            streams: Vec::new(),
            positions: Vec::new(),
            read: Vec::new(),
        }
    }

    /// Answers one event and returns how many partitions it was about.
    async fn rebalance(&mut self) -> usize {
        match timeout(PATIENCE, self.consumer.next_event())
            .await
            .expect("no rebalance")
        {
            GroupEvent::Assigned(partitions) => {
                let starts: Vec<_> = partitions.iter().map(|at| (at.clone(), None)).collect();
                self.streams = self.consumer.accept(&starts).await.unwrap();
                self.streams.len()
            }
            GroupEvent::Revoked(partitions) => {
                self.streams.clear();
                assert_eq!(
                    self.commit().await.unwrap(),
                    Committed::Stored,
                    "the group waits, so a commit is still accepted"
                );
                self.consumer.release().await.unwrap();
                partitions.len()
            }
            event => panic!("{event:?}"),
        }
    }

    async fn commit(&mut self) -> Result<Committed> {
        let positions = std::mem::take(&mut self.positions);
        self.consumer.committer().commit(&positions).await
    }

    /// Reads until `enough` records were read in all.
    async fn read(&mut self, enough: usize) {
        while self.read.len() < enough {
            for stream in &mut self.streams {
                let Ok(polled) = timeout(Duration::from_millis(50), stream.next()).await else {
                    continue;
                };
                let Polled::Records(batch) = polled.unwrap() else {
                    panic!("members are not told of ends")
                };
                self.read.extend(
                    batch
                        .records()
                        .map(|record| (batch.partition(), record.offset)),
                );
                let next = batch.record(batch.len() - 1).offset + 1;
                self.positions.retain(|(at, _)| at != stream.at());
                self.positions.push((stream.at().clone(), next));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_move_between_members_without_loss_or_repetition() {
    let cluster = cluster();
    let name = topic(&cluster, "handover", 4).await;
    for partition in 0..4 {
        fill(&cluster, &name, partition, 1000).await;
    }
    let group = unique("group");

    let mut first = Member::join(&cluster, &group, &name);
    assert_eq!(first.rebalance().await, 4);
    first.read(4000).await;

    let mut second = Member::join(&cluster, &group, &name);
    assert_eq!(first.rebalance().await, 4, "all are revoked");
    assert_eq!(first.rebalance().await, 2);
    assert_eq!(second.rebalance().await, 2);
    let committed = first.consumer.committed(&partitions(&name)).await.unwrap();
    assert_eq!(committed, [Some(1000); 4]);
    for partition in 0..4 {
        fill(&cluster, &name, partition, 500).await;
    }
    first.read(5000).await;
    second.read(1000).await;

    // A commit of what another member has is refused, or at least does not reach the group.
    assert_eq!(first.commit().await.unwrap(), Committed::Stored);
    first.streams.clear();
    first.consumer.close().await;
    assert_eq!(second.rebalance().await, 2);
    assert_eq!(second.rebalance().await, 4);
    fill(&cluster, &name, 0, 1).await;
    second.read(1001).await;

    let mut read = [first.read, second.read].concat();
    read.sort_unstable();
    let expected = (0..4).flat_map(|partition| {
        (0..if partition == 0 { 1501 } else { 1500 }).map(move |offset| (partition, offset))
    });
    assert!(
        read.into_iter().eq(expected),
        "every record is read exactly once"
    );
    second.consumer.close().await;
}

fn partitions(topic: &str) -> Vec<TopicPartition> {
    let topic = Arc::<str>::from(topic);
    (0..4)
        .map(|partition| TopicPartition {
            topic: Arc::clone(&topic),
            partition,
        })
        .collect()
}

#[tokio::test]
async fn a_slow_answer_to_a_rebalance_keeps_the_membership() {
    let cluster = cluster_with(&[
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "500"),
    ]);
    let name = topic(&cluster, "slow", 4).await;
    let group = unique("group");
    let mut first = Member::join(&cluster, &group, &name);
    first.rebalance().await;
    let mut second = Member::join(&cluster, &group, &name);
    let event = timeout(PATIENCE, first.consumer.next_event())
        .await
        .unwrap();
    assert!(matches!(&event, GroupEvent::Revoked(_)), "{event:?}");
    // Longer than the session: heartbeats must go on while the answer is outstanding.
    tokio::time::sleep(Duration::from_secs(8)).await;
    first.streams.clear();
    let committed = first
        .consumer
        .committer()
        .commit(&[(partitions(&name)[0].clone(), 0)])
        .await;
    assert_eq!(committed.unwrap(), Committed::Stored, "still a member");
    first.consumer.release().await.unwrap();
    assert_eq!(first.rebalance().await, 2);
    assert_eq!(second.rebalance().await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_commit_side_by_side() {
    let cluster = cluster();
    let name = topic(&cluster, "commits", 4).await;
    let mut member = Member::join(&cluster, &unique("group"), &name);
    member.rebalance().await;
    assert_eq!(
        member.consumer.committed(&partitions(&name)).await.unwrap(),
        [None; 4]
    );
    let tasks = partitions(&name).into_iter().map(|at| {
        let committer = member.consumer.committer();
        tokio::spawn(async move {
            for offset in 1..=50 {
                assert_eq!(
                    committer.commit(&[(at.clone(), offset)]).await.unwrap(),
                    Committed::Stored
                );
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        timeout(PATIENCE, task).await.unwrap().unwrap();
    }
    assert_eq!(
        member.consumer.committed(&partitions(&name)).await.unwrap(),
        [Some(50); 4]
    );
}

#[tokio::test]
async fn a_member_starts_where_it_is_told() {
    let cluster = cluster();
    let name = topic(&cluster, "start", 1).await;
    fill(&cluster, &name, 0, 10).await;
    let mut consumer = cluster
        .group_consumer(&unique("group"), None, &[&name])
        .unwrap();
    let event = timeout(PATIENCE, consumer.next_event()).await.unwrap();
    let GroupEvent::Assigned(assigned) = event else {
        panic!("{event:?}")
    };
    let mut streams = consumer
        .accept(&[(assigned[0].clone(), Some(7))])
        .await
        .unwrap();
    let Polled::Records(batch) = next(&mut streams[0]).await else {
        panic!("members are not told of ends")
    };
    assert_eq!(batch.record(0).offset, 7);
}

#[tokio::test]
async fn a_record_that_is_too_large_fails_its_lane_only() {
    let cluster = cluster();
    let name = topic(&cluster, "large", 1).await;
    let producer = cluster.producer("large").unwrap();
    let out = producer.topic(&name, 1).unwrap();
    let (lane, other) = (producer.lane(), producer.lane());
    let mut outbox = Outbox::default();
    append(&mut outbox, out, 0, 1, "fits", b"x");
    append(&mut outbox, out, 0, 1, "does not fit", &vec![0; 2_000_000]);
    for error in [
        send(&producer, &lane, &mut outbox).await.unwrap_err(),
        lane.drained().await.unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(
            error.contains(&name) && error.contains("too large"),
            "{error}"
        );
    }
    let mut outbox = Outbox::default();
    append(&mut outbox, out, 0, 1, "k", b"x");
    send(&producer, &other, &mut outbox).await.unwrap();
    timeout(PATIENCE, other.drained()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_record_the_broker_refuses_fails_its_lane() {
    let cluster = cluster_with(&[("message.max.bytes", "4000000")]);
    let name = topic(&cluster, "refused", 1).await;
    let producer = cluster.producer("refused").unwrap();
    let out = producer.topic(&name, 1).unwrap();
    let lane = producer.lane();
    let mut outbox = Outbox::default();
    append(&mut outbox, out, 0, 1, "k", &vec![0; 3_000_000]);
    send(&producer, &lane, &mut outbox).await.unwrap();
    let error = timeout(PATIENCE, lane.drained())
        .await
        .unwrap()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&name) && error.contains("too large"),
        "{error}"
    );
}

#[tokio::test]
async fn a_topic_that_does_not_exist_fails_the_lane() {
    let cluster = cluster_with(&[("topic.metadata.propagation.max.ms", "1000")]);
    let producer = cluster.producer("missing").unwrap();
    let name = unique("missing");
    let out = producer.topic(&name, 1).unwrap();
    let lane = producer.lane();
    let mut outbox = Outbox::default();
    append(&mut outbox, out, 0, 1, "k", b"x");
    send(&producer, &lane, &mut outbox).await.unwrap();
    let error = timeout(PATIENCE, lane.drained())
        .await
        .unwrap()
        .unwrap_err()
        .to_string();
    assert!(error.contains(&name), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_producer_takes_more_when_it_has_room_again() {
    let cluster = cluster_with(&[("queue.buffering.max.messages", "1000")]);
    let name = topic(&cluster, "full", 1).await;
    let producer = cluster.producer("full").unwrap();
    let out = producer.topic(&name, 1).unwrap();
    let lane = producer.lane();
    let mut outbox = Outbox::default();
    for index in 0..20_000 {
        append(&mut outbox, out, 0, 1, "k", index.to_string().as_bytes());
    }
    let (mut sent, mut waits) = (0, 0);
    while !producer.send(&lane, &mut outbox, &mut sent).unwrap() {
        assert!(!producer.has_room());
        assert!(sent > 0, "something fits into an empty queue");
        waits += 1;
        timeout(PATIENCE, producer.room())
            .await
            .expect("never room again");
    }
    assert!(waits > 0, "the queue was never full");
    assert_eq!((outbox.len(), sent), (0, 0));
    timeout(PATIENCE, lane.drained()).await.unwrap().unwrap();
    let end = cluster
        .reader()
        .unwrap()
        .watermarks(&name, 0)
        .await
        .unwrap();
    assert_eq!(end, (0, 20_000));
}

#[tokio::test]
async fn what_is_queued_is_delivered_when_the_producer_is_closed_or_dropped() {
    let cluster = cluster_with(&[("linger.ms", "2000")]);
    let name = topic(&cluster, "drop", 1).await;
    let reader = cluster.reader().unwrap();
    for (close, end) in [(true, 100), (false, 200)] {
        let producer = cluster.producer("drop").unwrap();
        let out = producer.topic(&name, 1).unwrap();
        let lane = producer.lane();
        let mut outbox = Outbox::default();
        for _ in 0..100 {
            append(&mut outbox, out, 0, 1, "k", b"x");
        }
        send(&producer, &lane, &mut outbox).await.unwrap();
        if close {
            let before = std::time::Instant::now();
            producer.close(PATIENCE).await.unwrap();
            assert_eq!(lane.outstanding(), 0);
            assert!(
                before.elapsed() < Duration::from_millis(1500),
                "closing does not wait for linger.ms"
            );
        }
        drop(producer);
        timeout(PATIENCE, lane.drained()).await.unwrap().unwrap();
        assert_eq!(reader.watermarks(&name, 0).await.unwrap(), (0, end));
    }
}

#[tokio::test]
async fn topics_are_created_listed_and_altered() {
    let cluster = cluster();
    let name = unique("admin");
    let config = vec![
        ("cleanup.policy".to_owned(), "compact".to_owned()),
        ("segment.ms".to_owned(), "60000".to_owned()),
    ];
    let wanted = NewTopic {
        name: name.clone(),
        partitions: 3,
        replication: 1,
        config,
    };
    let too_many = NewTopic {
        name: unique("replicas"),
        replication: 7,
        ..wanted.clone()
    };
    let created = cluster
        .create_topics(&[wanted.clone(), too_many.clone()])
        .await
        .unwrap();
    let of = |wanted: &str| &created.iter().find(|(name, _)| name == wanted).unwrap().1;
    assert_eq!(of(&name), &Ok(TopicCreation::Created));
    assert!(
        of(&too_many.name)
            .as_ref()
            .is_err_and(|reason| reason.to_lowercase().contains("replication")),
        "{created:?}"
    );
    let again = cluster.create_topics(&[wanted]).await.unwrap();
    assert_eq!(again, [(name.clone(), Ok(TopicCreation::AlreadyExisted))]);

    let topics = cluster.topics(PATIENCE).await.unwrap();
    assert_eq!((topics.brokers, topics.partitions[&name]), (1, 3));

    cluster
        .alter_topic_config(&name, &[("retention.ms".to_owned(), "3600000".to_owned())])
        .await
        .unwrap();
    let config = &cluster.topic_config(&[&name]).await.unwrap()[&name];
    assert_eq!(config["retention.ms"], "3600000");
    assert_eq!(
        config["cleanup.policy"], "compact",
        "what is not named stays as it is"
    );

    let error = cluster
        .alter_topic_config(&name, &[("retention.ms".to_owned(), "soon".to_owned())])
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&name) && error.contains("retention.ms"),
        "{error}"
    );
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_named_with_the_reason() {
    // A port that was free a moment ago refuses connections.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("127.0.0.1:{port}");
    let cluster = Cluster::new(&address, &BTreeMap::new()).unwrap();
    let before = std::time::Instant::now();
    let error = cluster
        .topics(Duration::from_secs(2))
        .await
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(before.elapsed() < Duration::from_secs(5));
    assert!(
        error.contains(&address) && error.contains("Connection refused"),
        "{error}"
    );
}

#[tokio::test]
async fn a_closed_member_is_gone_at_once() {
    let cluster = cluster();
    let name = topic(&cluster, "leave", 4).await;
    let group = unique("group");
    let mut first = Member::join(&cluster, &group, &name);
    first.rebalance().await;
    first.streams.clear();
    let before = std::time::Instant::now();
    first.consumer.close().await;
    let mut second = Member::join(&cluster, &group, &name);
    assert_eq!(second.rebalance().await, 4);
    // A member that had not left would keep its partitions for session.timeout.ms, 45 s.
    assert!(
        before.elapsed() < Duration::from_secs(5),
        "{:?}",
        before.elapsed()
    );
}
