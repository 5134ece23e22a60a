//! What a client reports by itself: logs, errors, rebalances.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::rdkafka::client::ClientContext;
use ::rdkafka::config::RDKafkaLogLevel;
use ::rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use ::rdkafka::error::KafkaError;
use ::rdkafka::topic_partition_list::TopicPartitionList;
use ::rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use super::group::{GroupEvent, give_back, partitions_of, take};
use crate::error::Error;

/// All brokers down is said again only after this time; librdkafka repeats it at each attempt to connect.
const OUTAGE_REMINDER: Duration = Duration::from_secs(60);

/// Receives what one client reports by itself.
pub(super) struct Context {
    /// The client as logs name it (`group exampleService.math.totalClicks`).
    client: String,
    last_error: Mutex<Option<String>>,
    outage: Mutex<Option<Instant>>,
    /// Why the client cannot go on, once it cannot. A member is told by its events instead, so that its
    /// tasks still commit what they have done.
    failure: watch::Sender<Option<String>>,
    rebalances: Option<UnboundedSender<GroupEvent>>,
    /// From here on revoked partitions are given back at once: nobody listens to rebalances any more.
    closing: AtomicBool,
}

impl Context {
    pub(super) fn new(client: impl Into<String>) -> Self {
        Self {
            client: client.into(),
            last_error: Mutex::default(),
            outage: Mutex::default(),
            failure: watch::Sender::default(),
            rebalances: None,
            closing: AtomicBool::new(false),
        }
    }

    /// A group member's context: rebalances go to `events`, whose receiver answers them later.
    pub(super) fn of_member(
        client: impl Into<String>,
        events: UnboundedSender<GroupEvent>,
    ) -> Self {
        Self {
            rebalances: Some(events),
            ..Self::new(client)
        }
    }

    pub(super) fn client(&self) -> &str {
        &self.client
    }

    /// What the client reported last, such as `Connect to 127.0.0.1:9092 failed: Connection refused`.
    pub(super) fn last_error(&self) -> Option<String> {
        lock(&self.last_error).clone()
    }

    /// Tells those who wait for the client that it does not recover by itself.
    pub(super) fn fail(&self, reason: String) {
        if self.rebalances.is_some() {
            self.send(GroupEvent::Failed(self.failed(reason)));
        } else {
            self.failure.send_replace(Some(reason));
        }
    }

    /// Resolves when the client cannot go on. Never for a group's member.
    pub(super) async fn failing(&self) -> Error {
        let mut failure = self.failure.subscribe();
        let failed = failure.wait_for(Option::is_some).await;
        // The wait ends without a reason only when the context is gone, which is borrowed here.
        let reason = failed.ok().and_then(|reason| reason.clone());
        self.failed(reason.unwrap_or_default())
    }

    fn failed(&self, reason: String) -> Error {
        Error::Kafka {
            action: format!("reading as {}", self.client),
            reason,
            retriable: false,
        }
    }

    fn send(&self, event: GroupEvent) {
        if let Some(events) = &self.rebalances {
            // Nobody listens once the group consumer is dropped, and then nobody needs to know.
            let _ = events.send(event);
        }
    }

    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        let client = &self.client;
        match (facility, level) {
            // CONFWARN: properties for consumers are given to producers too, and the reverse.
            ("CONFWARN", _) => {
                tracing::debug!(target: "kafmesh::kafka", %client, facility, "{message}")
            }
            // A client without error events, such as the admin client, reports errors as lines of the log.
            ("FAIL" | "ERROR", _) => {
                if !message.contains("brokers are down") {
                    *lock(&self.last_error) = Some(without_instance(message).to_owned());
                }
                tracing::debug!(target: "kafmesh::kafka", %client, facility, "{message}");
            }
            (
                _,
                RDKafkaLogLevel::Emerg
                | RDKafkaLogLevel::Alert
                | RDKafkaLogLevel::Critical
                | RDKafkaLogLevel::Error,
            ) => {
                tracing::error!(target: "kafmesh::kafka", %client, facility, "{message}");
            }
            (_, RDKafkaLogLevel::Warning) => {
                tracing::warn!(target: "kafmesh::kafka", %client, facility, "{message}")
            }
            (_, RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info) => {
                tracing::info!(target: "kafmesh::kafka", %client, facility, "{message}");
            }
            (_, RDKafkaLogLevel::Debug) => {
                tracing::debug!(target: "kafmesh::kafka", %client, facility, "{message}")
            }
        }
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        let client = &self.client;
        let reason = without_instance(reason);
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => {
                let mut outage = lock(&self.outage);
                if outage.is_none_or(|said| said.elapsed() >= OUTAGE_REMINDER) {
                    *outage = Some(Instant::now());
                    let last = self.last_error().unwrap_or_else(|| reason.to_owned());
                    tracing::warn!(target: "kafmesh::kafka", %client, "no broker is reachable, trying again until one is: {last}");
                }
            }
            Some(RDKafkaErrorCode::PartitionEOF) => {}
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::Resolve
                | RDKafkaErrorCode::OperationTimedOut,
            ) => {
                *lock(&self.last_error) = Some(reason.to_owned());
                tracing::debug!(target: "kafmesh::kafka", %client, "{reason}");
            }
            _ => {
                *lock(&self.last_error) = Some(reason.to_owned());
                tracing::warn!(target: "kafmesh::kafka", %client, "{error}: {reason}");
            }
        }
    }
}

impl ConsumerContext for Context {
    /// Forwards the event; whoever receives it assigns or unassigns later. librdkafka keeps the
    /// membership alive (heartbeats) until that happens, up to `max.poll.interval.ms`.
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let assigned = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        let partitions = partitions_of(partitions);
        if self.is_closing() {
            let answered = if assigned {
                take(consumer, &TopicPartitionList::new())
            } else {
                give_back(consumer, &partitions)
            };
            if let Err(error) = answered {
                tracing::warn!(target: "kafmesh::kafka", client = %self.client, "giving back partitions while closing: {error}");
            }
            return;
        }
        self.send(if assigned {
            GroupEvent::Assigned(partitions)
        } else if consumer.assignment_lost() {
            GroupEvent::Lost(partitions)
        } else {
            GroupEvent::Revoked(partitions)
        });
    }
}

/// librdkafka begins many texts with `[thrd:127.0.0.1:9092/bootstrap]: ` and ends them with
/// ` (after 0ms in state CONNECT)`, which says nothing to users.
fn without_instance(text: &str) -> &str {
    let text = match text
        .strip_prefix("[thrd:")
        .and_then(|rest| rest.split_once("]: "))
    {
        Some((_, rest)) => rest,
        None => text,
    };
    match text.rsplit_once(" (after ") {
        Some((said, rest)) if rest.contains("ms in state ") => said,
        _ => text,
    }
}

/// Locks what no panic can leave half-changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_thread_names_out() {
        assert_eq!(
            without_instance("[thrd:a:1/bootstrap]: a:1/bootstrap: refused"),
            "a:1/bootstrap: refused"
        );
        assert_eq!(
            without_instance(
                "a:1: refused (after 0ms in state CONNECT, 1 identical error(s) suppressed)"
            ),
            "a:1: refused"
        );
        assert_eq!(
            without_instance("refused (after a while)"),
            "refused (after a while)"
        );
    }
}
