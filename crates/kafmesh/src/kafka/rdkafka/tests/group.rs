//! Members that share partitions, hand them over and commit.

use super::*;

/// A member that reads everything it is assigned and commits whenever partitions move.
struct Member {
    consumer: GroupConsumer,
    streams: Vec<PartitionStream>,
    positions: Vec<(TopicPartition, i64)>,
    read: Vec<(i32, i64)>,
}

impl Member {
    fn join(cluster: &Cluster, group: &str, topic: &str) -> Self {
        let consumer = cluster.group_consumer(group, &[topic]).unwrap();
        Self {
            consumer,
            streams: Vec::new(),
            positions: Vec::new(),
            read: Vec::new(),
        }
    }

    /// Answers one event and returns how many partitions it was about.
    async fn rebalance(&mut self) -> usize {
        let event = timeout(PATIENCE, self.consumer.next_event()).await;
        self.answer(event.expect("no rebalance")).await
    }

    async fn answer(&mut self, event: GroupEvent) -> usize {
        match event {
            GroupEvent::Assigned(partitions) => {
                let starts: Vec<_> = partitions.iter().map(|at| (at.clone(), None)).collect();
                self.streams
                    .extend(self.consumer.accept(&starts).await.unwrap());
                partitions.len()
            }
            GroupEvent::Revoked(partitions) => {
                self.streams
                    .retain(|stream| !partitions.contains(stream.at()));
                assert_eq!(
                    self.commit().await.unwrap(),
                    Committed::Stored,
                    "the group waits, so a commit is still accepted"
                );
                self.consumer.release(&partitions).await.unwrap();
                partitions.len()
            }
            event => panic!("{event:?}"),
        }
    }

    /// An event that has happened already, or does so at once.
    async fn pending(&mut self) -> Option<GroupEvent> {
        let soon = Duration::from_millis(50);
        timeout(soon, self.consumer.next_event()).await.ok()
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
    first.consumer.release(&[]).await.unwrap();
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
    let mut consumer = cluster.group_consumer(&unique("group"), &[&name]).unwrap();
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

/// Answers events until each member has as many partitions as `shares` says, and nothing is asked.
async fn settle<const N: usize>(mut members: [&mut Member; N], shares: [usize; N]) {
    let settled = async {
        loop {
            let mut settled = true;
            for (member, share) in members.iter_mut().zip(shares) {
                if let Some(event) = member.pending().await {
                    member.answer(event).await;
                    settled = false;
                }
                settled &= member.streams.len() == share;
            }
            if settled {
                break;
            }
        }
    };
    timeout(PATIENCE, settled)
        .await
        .expect("the group does not settle");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_the_protocol_consumer_only_what_changes_hands_stops() {
    let cluster = cluster_with(&[("group.protocol", "consumer")]);
    let name = topic(&cluster, "kip848", 4).await;
    for partition in 0..4 {
        fill(&cluster, &name, partition, 1000).await;
    }
    let group = unique("group");
    let mut first = Member::join(&cluster, &group, &name);
    settle([&mut first], [4]).await;
    first.read(4000).await;

    let mut second = Member::join(&cluster, &group, &name);
    let event = timeout(PATIENCE, first.consumer.next_event()).await;
    let Ok(GroupEvent::Revoked(revoked)) = event else {
        panic!("{event:?}")
    };
    assert_eq!(revoked.len(), 2, "only what the second gets");
    first
        .streams
        .retain(|stream| !revoked.contains(stream.at()));
    let kept: Vec<_> = first
        .streams
        .iter()
        .map(|stream| stream.at().partition)
        .collect();
    assert_eq!(first.commit().await.unwrap(), Committed::Stored);
    first.consumer.release(&revoked).await.unwrap();
    for partition in 0..4 {
        fill(&cluster, &name, partition, 500).await;
    }
    settle([&mut first, &mut second], [2, 2]).await;
    first.read(5000).await;
    second.read(1000).await;
    for (member, ours) in [(&first, true), (&second, false)] {
        let late = member.read.iter().filter(|(_, offset)| *offset >= 1000);
        assert!(
            late.clone()
                .all(|(partition, _)| kept.contains(partition) == ours),
            "each reads its own"
        );
        assert_eq!(late.count(), 1000);
    }

    assert_eq!(first.commit().await.unwrap(), Committed::Stored);
    first.streams.clear();
    first.consumer.close().await;
    settle([&mut second], [4]).await;
    fill(&cluster, &name, kept[0], 1).await;
    second.read(1001).await;
    let mut read = [first.read, second.read].concat();
    read.sort_unstable();
    let expected = (0..4).flat_map(|partition| {
        (0..if partition == kept[0] { 1501 } else { 1500 }).map(move |offset| (partition, offset))
    });
    assert!(
        read.into_iter().eq(expected),
        "every record is read exactly once"
    );
    second.consumer.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_of_a_static_member_wait_for_it() {
    for protocol in ["classic", "consumer"] {
        let of = |name| cluster_with(&[("group.protocol", protocol), ("group.instance.id", name)]);
        let (one, other) = (of("one"), of("other"));
        let name = topic(&one, "static", 4).await;
        let group = unique("group");
        let mut first = Member::join(&one, &group, &name);
        let mut second = Member::join(&other, &group, &name);
        settle([&mut first, &mut second], [2, 2]).await;
        let had: Vec<_> = first
            .streams
            .iter()
            .map(|stream| stream.at().clone())
            .collect();
        first.streams.clear();
        first.consumer.close().await;
        let mut again = Member::join(&one, &group, &name);
        settle([&mut again], [2]).await;
        let has: Vec<_> = again
            .streams
            .iter()
            .map(|stream| stream.at().clone())
            .collect();
        assert_eq!(has, had, "{protocol}");
        let noticed = second.pending().await;
        assert!(noticed.is_none(), "{protocol}: {noticed:?}");
        again.streams.clear();
        again.consumer.close().await;
    }
}

#[tokio::test]
async fn a_stream_knows_where_its_partition_ends() {
    let cluster = cluster();
    let name = topic(&cluster, "ends", 1).await;
    fill(&cluster, &name, 0, 10).await;
    let mut member = Member::join(&cluster, &unique("group"), &name);
    member.rebalance().await;
    assert_eq!(member.streams[0].end()(), None, "nothing is fetched yet");
    member.read(10).await;
    assert_eq!(member.streams[0].end()(), Some(10));
    fill(&cluster, &name, 0, 5).await;
    member.read(15).await;
    assert_eq!(member.streams[0].end()(), Some(15));
}
