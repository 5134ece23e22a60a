//! Topics of a cluster, and clusters that are not there.

use ::rdkafka::admin::AdminOptions;

use super::*;

/// Asks until there is an answer, for at most [`PATIENCE`].
async fn eventually<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    let answered = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.unwrap()
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

    // Of several brokers, some hear of a change a little later than others.
    let listed = eventually(async || {
        let topics = cluster.topics(PATIENCE).await.unwrap();
        assert!(topics.brokers > 0);
        topics.partitions.get(&name).copied()
    });
    assert_eq!(listed.await, 3);

    cluster
        .alter_topic_config(&name, &[("retention.ms".to_owned(), "3600000".to_owned())])
        .await
        .unwrap();
    let config = eventually(async || {
        let config = cluster
            .topic_config(&[&name])
            .await
            .unwrap()
            .remove(&name)?;
        (config["retention.ms"] == "3600000").then_some(config)
    });
    let config = config.await;
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
    let error = cluster
        .topics(Duration::from_secs(2))
        .await
        .map(drop)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&address) && error.contains("Connection refused"),
        "{error}"
    );
}

#[tokio::test]
async fn a_topic_that_is_created_anew_has_another_id() {
    let cluster = cluster();
    let name = topic(&cluster, "ids", 1).await;
    let (kept, missing) = (topic(&cluster, "kept", 1).await, unique("missing"));
    // A broker may hear of a new topic a moment after the controller created it.
    let known = async {
        loop {
            let ids = cluster.topic_ids(&[&name, &kept, &missing]).await.unwrap();
            if ids.len() >= 2 {
                break ids;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let before = timeout(PATIENCE, known).await.expect("both are known");
    assert_eq!(
        before.len(),
        2,
        "what does not exist is left out: {before:?}"
    );
    assert!(before[&name].is_some() && before[&name] != before[&kept]);
    assert_eq!(cluster.topic_id(&name).await.unwrap(), before[&name]);
    assert_eq!(cluster.topic_id(&kept).await.unwrap(), before[&kept]);
    assert_eq!(cluster.replaced().await.unwrap(), None);

    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let deleted = cluster.admin.client.delete_topics(&[&name], &options).await;
    assert_eq!(deleted.unwrap(), [Ok(name.clone())]);
    let replaced = async {
        while cluster.replaced().await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, replaced).await.expect("it is gone");
    let again = NewTopic {
        name: name.clone(),
        partitions: 1,
        replication: 1,
        config: Vec::new(),
    };
    cluster.create_topics(&[again]).await.unwrap();
    assert_eq!(cluster.replaced().await.unwrap(), Some(name.clone()));
    assert_eq!(
        cluster.topic_id(&name).await.unwrap(),
        before[&name],
        "as it was asked for first"
    );
}
