//! The Kafka client: librdkafka, driven in batches.
//!
//! rdkafka sets clients up and speaks for everything rare; the data path calls librdkafka's batch
//! functions, and those calls are in `ffi` alone. Every client has one thread that serves its
//! events (rebalances, delivery reports, logs), so no callback runs per record.

mod admin;
mod client;
mod config;
mod context;
mod ffi;
mod group;
mod lane;
mod producer;
mod reader;
mod stream;
mod topic_ids;

#[cfg(test)]
mod tests;

pub(crate) use admin::{ClusterTopics, NewTopic};
pub(crate) use client::Cluster;
pub(crate) use ffi::{MessageHeaders, Messages};
pub(crate) use group::{Committed, Committer, GroupConsumer, GroupEvent};
pub(crate) use lane::Lane;
pub(crate) use producer::Producer;
pub(crate) use reader::Reader;
pub(crate) use stream::{PartitionStream, Polled};
#[cfg(test)]
pub(crate) use tests::mock_with;

use ::rdkafka::error::KafkaError;
use ::rdkafka::types::RDKafkaErrorCode;

use crate::error::Error;

/// What librdkafka says about `code`, such as `Broker: Message size too large`.
fn reason(code: RDKafkaErrorCode) -> String {
    let text = code.to_string();
    // The wrapper puts the code's name in front: `MessageSizeTooLarge (Broker: …)`.
    let described = text
        .split_once(" (")
        .and_then(|(_, rest)| rest.strip_suffix(')'))
        .map(str::to_owned);
    described.unwrap_or(text)
}

fn failed(action: impl Into<String>, error: &KafkaError) -> Error {
    match error.rdkafka_error_code() {
        Some(code) => failed_with(action, code),
        None => Error::Kafka {
            action: action.into(),
            reason: error.to_string(),
            retriable: false,
        },
    }
}

fn failed_with(action: impl Into<String>, code: RDKafkaErrorCode) -> Error {
    Error::Kafka {
        action: action.into(),
        reason: reason(code),
        retriable: is_retriable(code),
    }
}

/// As [`failed`], for topics that existed when the process started: a broker that says it knows
/// none has not heard of it yet.
fn failed_on_existing(action: impl Into<String>, error: &KafkaError) -> Error {
    use RDKafkaErrorCode as Code;
    match error.rdkafka_error_code() {
        Some(
            code @ (Code::UnknownTopicOrPartition
            | Code::UnknownTopicId
            | Code::UnknownTopic
            | Code::UnknownPartition),
        ) => Error::Kafka {
            action: action.into(),
            reason: reason(code),
            retriable: true,
        },
        _ => failed(action, error),
    }
}

/// Whether the same request may succeed later without anybody changing anything.
///
/// The codes the Java client derives from `RetriableException` for the requests made here, and
/// librdkafka's local counterparts. Not the unknown topic, at which a read ends: see
/// [`failed_on_existing`].
fn is_retriable(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::MessageTimedOut
            | Code::WaitingForCoordinator
            | Code::QueueFull
            | Code::RequestTimedOut
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::NetworkException
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::RebalanceInProgress
            // The group's next epoch is on its way to this member.
            | Code::StaleMemberEpoch
            | Code::KafkaStorageError
            | Code::ReplicaNotAvailable
            | Code::ListenerNotFound
            | Code::NotController
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::OffsetNotAvailable
            | Code::UnstableOffsetCommit
            | Code::ThrottlingQuotaExceeded
    )
}
