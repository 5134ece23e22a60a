//! Records that are delivered, refused, or wait for room.

use super::*;

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
async fn a_producer_full_of_bytes_has_room_when_half_of_them_are_gone() {
    let (broker, cluster) = mock_with(&[("queue.buffering.max.kbytes", "1000")]);
    let producer = cluster.producer("bytes").unwrap();
    let out = producer.topic("t", 1).unwrap();
    let lane = producer.lane();
    broker.broker_down(1).unwrap();
    let mut outbox = Outbox::default();
    for _ in 0..20 {
        append(&mut outbox, out, 0, 1, "k", &[0; 100_000]);
    }
    let mut sent = 0;
    assert!(!producer.send(&lane, &mut outbox, &mut sent).unwrap());
    // The client reports that no broker is reachable, and more, which makes room for nothing.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!producer.has_room());
    broker.broker_up(1).unwrap();
    while !producer.send(&lane, &mut outbox, &mut sent).unwrap() {
        timeout(PATIENCE, producer.room())
            .await
            .expect("never room again");
    }
    timeout(PATIENCE, lane.drained()).await.unwrap().unwrap();
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
