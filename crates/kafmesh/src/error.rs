//! The one error type of the runtime: what happened, where, and what to do about it.

use std::time::Duration;

use crate::kafka::readable;
use crate::store::MAX_KEY;

/// The result of everything that can fail in kafmesh.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, with the place it went wrong in.
///
/// Handlers return it too: any error type becomes one through [`Error::handler`].
///
/// `Debug` shows the same text as `Display`, since that is what a `main` that returns it prints.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting in [`Config`](crate::Config) or its environment variable has no usable value.
    #[error("{name}: {problem}")]
    Config {
        /// The setting's environment variable.
        name: String,
        /// What is wrong with it and what is accepted.
        problem: String,
    },
    /// No broker answered.
    #[error(
        "no Kafka broker answered at {brokers} within {waited:?}: {reason}; check that Kafka runs there and that KAFMESH_BROKERS names it"
    )]
    Unreachable {
        /// The brokers that were tried.
        brokers: String,
        /// How long.
        waited: Duration,
        /// What the client said last.
        reason: String,
    },
    /// Topics do not look as the definition needs them; every problem found, one per line.
    #[error("{} with the topics of this service:{}", count(.0.len(), "problem"), list(.0))]
    Topics(Vec<TopicProblem>),
    /// Kafka refused or failed an operation.
    #[error("{action}: {reason}")]
    Kafka {
        /// What was being done (`committing offsets of group …`).
        action: String,
        /// What the client or the broker said.
        reason: String,
        /// Whether trying again may help.
        retriable: bool,
    },
    /// A record was not delivered.
    #[error("a record for topic {topic} was not delivered: {reason}")]
    NotDelivered {
        /// The topic it was for.
        topic: String,
        /// What the client or the broker said.
        reason: String,
    },
    /// A record could not be decoded.
    #[error("cannot decode the record at {at}: {reason}")]
    Decode {
        /// Where the record is.
        at: Position,
        /// What is wrong with it.
        reason: String,
    },
    /// A record could not be handled: its handler returned an error, or its state could not be read.
    #[error("cannot handle the record at {at}: {source}")]
    HandlerAt {
        /// The record.
        at: Position,
        /// What the handler returned, or why its state could not be read.
        source: Box<Error>,
    },
    /// A sink could not write a batch, however often it tried.
    #[error(
        "cannot write {}, from {first} to {last}, after {}: {source}; they stay in the topic, and are written when the service runs again",
        count(*records, "record"),
        count(*attempts, "attempt")
    )]
    Write {
        /// Records in the batch.
        records: usize,
        /// The batch's first record.
        first: Box<Position>,
        /// The batch's last record.
        last: Box<Position>,
        /// How often it was tried.
        attempts: u32,
        /// What the last attempt returned.
        source: Box<Error>,
    },
    /// An error of the user's own code, shown with its causes.
    #[error("{}", with_causes(&**.0))]
    Handler(Box<dyn std::error::Error + Send + Sync>),
    /// Code of the user's, or a task that ran it, panicked.
    #[error("it panicked: {said}")]
    Panicked {
        /// What the panic said.
        said: String,
    },
    /// A sync took longer than its schedule lets it.
    #[error("it was ended after {limit:?}, the schedule's timeout")]
    TimedOut {
        /// The schedule's timeout.
        limit: Duration,
    },
    /// A key is longer than local tables take.
    #[error(
        "the key {key:?}… has {bytes} bytes, and the longest that a table can have has {longest}"
    )]
    KeyTooLong {
        /// How the key begins.
        key: String,
        /// Its length.
        bytes: usize,
        /// The longest there may be.
        longest: usize,
    },
    /// A record is larger than the producer takes.
    #[error(
        "{what} under key {key:?} has {bytes} bytes, and the producer takes {largest}; if it is right, raise KAFMESH_KAFKA_MESSAGE_MAX_BYTES and the topic's max.message.bytes"
    )]
    RecordTooLarge {
        /// What the record is: `an output`, or `its state`.
        what: &'static str,
        /// Its key.
        key: String,
        /// Key and value together.
        bytes: usize,
        /// What the producer takes.
        largest: usize,
    },
    /// The local store failed.
    #[error("the local store at {path} failed while {action}: {reason}")]
    Store {
        /// The store's directory.
        path: String,
        /// What was being done.
        action: String,
        /// What the store said.
        reason: String,
    },
    /// The service's port cannot be opened.
    #[error("cannot listen on {address}: {reason}; set KAFMESH_LISTEN to another address")]
    Listen {
        /// The address.
        address: String,
        /// What the operating system said.
        reason: String,
    },
    /// An object was registered a second time in this process.
    #[error("{object} is registered already; register it once per process")]
    Registered {
        /// The object (`processor total clicks of component math`).
        object: String,
    },
    /// A view was read before it had caught up with its topic.
    #[error(
        "the view of {topic} is not complete yet ({progress}); wait for it with `ready().await`"
    )]
    ViewNotReady {
        /// The view's topic.
        topic: String,
        /// How far it is.
        progress: String,
    },
    /// An entry of a view, a join or a lookup cannot be read.
    #[error("the entry of key {key:?} in the local table of {topic} cannot be read: its {problem}")]
    Entry {
        /// The topic that the table copies.
        topic: String,
        /// The entry's key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The service was told to stop and did not in time.
    #[error(
        "the service did not stop within {waited:?} (KAFMESH_SHUTDOWN_TIMEOUT) and was cut short while {running} still ran; what was not committed is handled again by the next process"
    )]
    Shutdown {
        /// How long it was given.
        waited: Duration,
        /// The objects that had not stopped.
        running: String,
    },
    /// A part of the service stopped with an error.
    #[error("{object} stopped: {source}")]
    Stopped {
        /// The object (`processor total clicks of component math`).
        object: String,
        /// Why.
        source: Box<Error>,
    },
}

/// Where a record is in Kafka, and its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Position {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The key, if the record has one; bytes that are not UTF-8 are shown escaped.
    pub key: Option<String>,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "topic {}, partition {}, offset {}, ",
            self.topic, self.partition, self.offset
        )?;
        match &self.key {
            Some(key) => write!(f, "key {key:?}"),
            None => f.write_str("no key"),
        }
    }
}

/// One thing that is wrong with one topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicProblem {
    /// The topic exists with another partition count.
    #[error(
        "{topic} has {}, the definition says {declared}; change the definition, or create the topic anew (partition counts cannot be lowered, and raising one moves keys)",
        count(*actual, "partition")
    )]
    Partitions {
        /// The topic.
        topic: String,
        /// What the definition says.
        declared: i32,
        /// What the cluster has.
        actual: i32,
    },
    /// The topic does not exist and nobody here creates it.
    #[error(
        "{topic} does not exist; {used_by} needs it: start the service that creates it first, or declare a source or an output for it if none does"
    )]
    Missing {
        /// The topic.
        topic: String,
        /// The object that reads it.
        used_by: String,
    },
    /// The cluster has fewer brokers than replicas are asked for.
    #[error(
        "{topic} asks for {declared} replicas, but the cluster has {}; lower `replicas`, or set KAFMESH_DEV=true on a development machine to lower it by itself",
        count(*brokers, "broker")
    )]
    Replication {
        /// The topic.
        topic: String,
        /// What the definition says.
        declared: i16,
        /// How many brokers there are.
        brokers: usize,
    },
    /// Topics of one processor that must have the same partition count have not.
    #[error(
        "{processor} reads {topic} with {} and {other} with {expected}; the inputs, the joins and the persistence of a processor need the same count: make `partitions` equal in the definition, or create the topic that differs anew",
        count(*actual, "partition")
    )]
    CoPartitioning {
        /// The processor.
        processor: String,
        /// The topic that differs.
        topic: String,
        /// Its partitions.
        actual: i32,
        /// The topic it differs from.
        other: String,
        /// That one's partitions.
        expected: i32,
    },
    /// The cluster refused to create or alter the topic.
    #[error("{topic} could not be {action}: {reason}")]
    Refused {
        /// The topic.
        topic: String,
        /// `created` or `altered`.
        action: &'static str,
        /// What the broker said.
        reason: String,
    },
}

impl Error {
    /// Wraps an error of the user's own code, so that a handler can return it.
    ///
    /// ```
    /// fn parse(text: &str) -> kafmesh::Result<u64> {
    ///     text.parse().map_err(kafmesh::Error::handler)
    /// }
    /// assert!(parse("seven").is_err());
    /// ```
    pub fn handler(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Handler(error.into())
    }
}

/// The error of a key that is longer than the local store takes.
pub(crate) fn key_too_long(key: &[u8]) -> Error {
    Error::KeyTooLong {
        key: readable(&key[..key.len().min(40)]),
        bytes: key.len(),
        longest: MAX_KEY,
    }
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// The error and what caused it; many libraries leave the cause out of their own text.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}

/// The name of a message without its modules, as people know it.
pub(crate) fn message_name<M>() -> &'static str {
    let name = std::any::type_name::<M>();
    name.rsplit("::").next().unwrap_or(name)
}

fn count<N: std::fmt::Display>(n: N, what: &str) -> String {
    let n = n.to_string();
    let plural = if n == "1" { "" } else { "s" };
    format!("{n} {what}{plural}")
}

fn list<T: std::fmt::Display>(items: &[T]) -> String {
    items.iter().map(|item| format!("\n  - {item}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the price service did not answer")]
    struct Price(#[source] std::io::Error);

    #[test]
    fn a_main_that_returns_an_error_prints_text_for_people() {
        let source = Error::handler(Price(std::io::Error::other("connection refused")));
        let at = Position {
            topic: "s.a".into(),
            partition: 3,
            offset: 7,
            key: Some("k".into()),
        };
        let error = Error::HandlerAt {
            at,
            source: Box::new(source),
        };
        let text = "cannot handle the record at topic s.a, partition 3, offset 7, key \"k\": the price service did not answer: connection refused";
        assert_eq!(error.to_string(), text);
        assert_eq!(format!("{error:?}"), text);
    }

    #[test]
    fn causes_that_an_error_tells_itself_are_not_repeated() {
        let inner = Error::Stopped {
            object: "the view of s.a".into(),
            source: Box::new(Error::handler("why")),
        };
        assert_eq!(
            Error::handler(inner).to_string(),
            "the view of s.a stopped: why"
        );
    }
}
