//! What every member of a group keeps to.

use std::time::Duration;

use super::TopicPartition;

/// How long work may take to end when partitions move. The group waits for five minutes
/// (`max.poll.interval.ms`); a member that answers no revocation is out of it without knowing.
pub(crate) const REVOCATION: Duration = Duration::from_secs(240);

/// How long leaving a group may take.
pub(crate) const LEAVING: Duration = Duration::from_secs(5);

/// Partitions for logs.
pub(crate) fn listed(partitions: &[TopicPartition]) -> String {
    let named: Vec<_> = partitions
        .iter()
        .map(|at| format!("{}/{}", at.topic, at.partition))
        .collect();
    named.join(", ")
}
