//! What a cluster says to requests.

use rdkafka::bindings::rd_kafka_resp_err_t as Code;
use rdkafka::types::RDKafkaErrorCode;

/// What the cluster said to one request.
pub(super) enum Answer {
    /// The groups there are, and what kept brokers from telling theirs.
    Groups(Vec<ListedGroup>, Vec<String>),
    /// Whether there are topics, by name.
    Topics(Vec<(String, Read<bool>)>),
    /// How many members groups have, by name; `None` where there is no such group.
    Members(Vec<(String, Read<Option<usize>>)>),
    /// The committed offsets of the group that was asked for under this number.
    Committed(usize, Read<Vec<Position>>),
    /// The end offsets of partitions.
    Ends(Vec<Position>),
    /// What was asked for in a request without an answer, and why.
    Failed(&'static str, String),
}

/// What was read, or why it could not be.
pub(super) type Read<T> = Result<T, String>;

/// A group, as a list of all shows it.
pub(super) struct ListedGroup {
    pub(super) name: String,
    pub(super) state: String,
}

/// An offset in a partition.
pub(super) struct Position {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: Read<i64>,
}

/// What an error means, and what to do where that is known.
pub(super) fn why(error: Code) -> String {
    refusal(error).unwrap_or_else(|| RDKafkaErrorCode::from(error).to_string())
}

/// Which right is missing, if that is what an error means.
pub(super) fn refusal(error: Code) -> Option<String> {
    let on = match error {
        Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED => "topics",
        Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED => "groups",
        Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED => "the cluster",
        _ => return None,
    };
    Some(format!(
        "kafmesh-discover lacks the right `Describe` on {on}"
    ))
}
