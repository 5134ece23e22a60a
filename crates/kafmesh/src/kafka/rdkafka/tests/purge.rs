//! Records that are given up.

use super::*;

#[tokio::test]
async fn what_an_outage_held_up_is_not_delivered_after_a_purge() {
    let (broker, cluster) = mock_with(&[]);
    let producer = cluster.producer("outage").unwrap();
    let out = producer.topic("t", 1).unwrap();
    let mut outbox = Outbox::default();

    let before = producer.lane();
    append(&mut outbox, out, 0, 1, "before", b"");
    send(&producer, &before, &mut outbox).await.unwrap();
    timeout(PATIENCE, before.drained()).await.unwrap().unwrap();

    broker.broker_down(1).unwrap();
    let during = producer.lane();
    for _ in 0..1000 {
        append(&mut outbox, out, 0, 1, "during", b"");
    }
    send(&producer, &during, &mut outbox).await.unwrap();
    // Longer than it takes to make requests of them.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(during.outstanding(), 1000);
    timeout(PATIENCE, producer.purge()).await.unwrap().unwrap();
    assert_eq!(during.outstanding(), 0);
    let error = during.drained().await.unwrap_err().to_string();
    assert!(error.contains("urged"), "{error}");

    broker.broker_up(1).unwrap();
    let after = producer.lane();
    append(&mut outbox, out, 0, 1, "after", b"");
    send(&producer, &after, &mut outbox).await.unwrap();
    timeout(PATIENCE, after.drained()).await.unwrap().unwrap();
    assert_eq!(keys(&cluster, "t").await, ["before", "after"]);
}

#[tokio::test]
async fn a_purge_does_not_wait_for_the_answers_of_brokers() {
    let (broker, cluster) = mock_with(&[]);
    let producer = cluster.producer("slow").unwrap();
    let out = producer.topic("t", 1).unwrap();
    let mut outbox = Outbox::default();
    let lane = producer.lane();
    append(&mut outbox, out, 0, 1, "first", b"");
    send(&producer, &lane, &mut outbox).await.unwrap();
    timeout(PATIENCE, lane.drained()).await.unwrap().unwrap();

    broker
        .broker_round_trip_time(1, Duration::from_secs(10))
        .unwrap();
    append(&mut outbox, out, 0, 1, "unanswered", b"");
    send(&producer, &lane, &mut outbox).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(lane.outstanding(), 1);
    timeout(Duration::from_secs(3), producer.purge())
        .await
        .expect("purging waited for the broker")
        .unwrap();
    assert!(lane.drained().await.is_err());
}

/// The idempotent client numbers its records; a purge tears holes into the numbers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purged_producer_is_as_good_as_before() {
    const ROUNDS: usize = 30;
    let cluster = cluster();
    let name = topic(&cluster, "purge", 1).await;
    let producer = cluster.producer("purge").unwrap();
    let out = producer.topic(&name, 1).unwrap();
    let mut outbox = Outbox::default();
    let mut failed = 0;
    for round in 0..ROUNDS {
        let lane = producer.lane();
        for _ in 0..20_000 {
            append(&mut outbox, out, 0, 1, "x", &[0; 100]);
        }
        send(&producer, &lane, &mut outbox).await.unwrap();
        // Some are queued, some on their way, some delivered: each time others.
        tokio::time::sleep(Duration::from_millis(2 * round as u64)).await;
        timeout(PATIENCE, producer.purge()).await.unwrap().unwrap();
        assert_eq!(lane.outstanding(), 0);
        failed += usize::from(lane.drained().await.is_err());

        let lane = producer.lane();
        append(&mut outbox, out, 0, 1, &round.to_string(), b"");
        send(&producer, &lane, &mut outbox).await.unwrap();
        timeout(PATIENCE, lane.drained()).await.unwrap().unwrap();
    }
    assert!(failed > 0, "a purge always came too late");
    let kept = keys(&cluster, &name).await;
    let kept = kept.iter().filter(|key| *key != "x");
    assert!(
        kept.eq(&(0..ROUNDS)
            .map(|round| round.to_string())
            .collect::<Vec<_>>())
    );
}

/// The keys of all records of a topic's only partition.
async fn keys(cluster: &Cluster, topic: &str) -> Vec<String> {
    let reader = cluster.reader().unwrap();
    let mut stream = reader.open(topic, 0, 0).await.unwrap();
    let mut keys = Vec::new();
    while let Polled::Records(batch) = next(&mut stream).await {
        let named = batch
            .records()
            .map(|record| String::from_utf8(record.key.unwrap().to_vec()).unwrap());
        keys.extend(named);
    }
    keys
}
