//! What may pass by itself, and what does not.

use ::rdkafka::types::RDKafkaErrorCode as Code;

use super::*;

fn retriable(error: &Error) -> bool {
    matches!(error, Error::Kafka { retriable, .. } if *retriable)
}

#[test]
fn a_topic_nobody_knows_ends_a_read_and_not_a_commit() {
    for (code, read, commit) in [
        (Code::UnknownTopicOrPartition, false, true),
        (Code::TopicAuthorizationFailed, false, false),
        (Code::OffsetNotAvailable, true, true),
        (Code::UnstableOffsetCommit, true, true),
        (Code::FencedLeaderEpoch, true, true),
        (Code::NotController, true, true),
    ] {
        assert_eq!(retriable(&failed_with("reading", code)), read, "{code}");
        let error = KafkaError::ConsumerCommit(code);
        assert_eq!(
            retriable(&failed_on_existing("committing", &error)),
            commit,
            "{code}"
        );
    }
}

#[tokio::test]
async fn credentials_that_are_refused_end_reads() {
    // The broker's listener knows no SASL.
    let cluster = cluster_with(&[
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanisms", "PLAIN"),
        ("sasl.username", "nobody"),
        ("sasl.password", "nothing"),
    ]);
    let reader = cluster.reader().unwrap();
    let mut stream = reader.open("any", 0, 0).await.unwrap();
    let error = timeout(PATIENCE, stream.next())
        .await
        .expect("the stream waits for ever")
        .map(drop)
        .unwrap_err();
    assert!(!retriable(&error));
    assert!(error.to_string().contains("SASL"), "{error}");
    let error = reader.watermarks("any", 0).await.unwrap_err();
    assert!(
        !retriable(&error) && error.to_string().contains("SASL"),
        "{error}"
    );
}
