//! Records that are read back.

use super::*;

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

#[tokio::test]
async fn records_are_read_however_they_are_compressed() {
    for codec in ["gzip", "snappy", "lz4", "zstd"] {
        let cluster = cluster_with(&[("compression.type", codec)]);
        let name = topic(&cluster, codec, 1).await;
        fill(&cluster, &name, 0, 1000).await;
        let reader = cluster.reader().unwrap();
        let mut stream = reader.open(&name, 0, 0).await.unwrap();
        let (offsets, end) = read_to_end(&mut stream).await;
        assert_eq!((offsets.len(), end), (1000, 1000), "{codec}");
    }
}
