//! The connection to Kafka, and what it says of its troubles.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::client;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use crate::config::{self, kafka as properties};

/// A connection that asks only.
// It is a producer, the lightest client librdkafka has, since rdkafka's `AdminClient` never fetches the
// errors that librdkafka reports: they would pile up, unread.
pub struct Client(ThreadedProducer<Said>);

/// Properties that cannot be used, or not together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the Kafka client cannot be configured: {0}")]
pub struct InvalidProperties(String);

impl From<&KafkaError> for InvalidProperties {
    fn from(error: &KafkaError) -> Self {
        let problem = properties::problem(error);
        Self(match error {
            KafkaError::ClientConfig(_, _, name, _) => {
                format!("{}: {problem}", properties::variable(name))
            }
            // librdkafka names what does not go together, but only in its text.
            _ => problem,
        })
    }
}

impl Client {
    /// Makes one; whether there is a broker does not matter yet.
    ///
    /// # Errors
    ///
    /// When a property does not exist or has no usable value, or when some do not go together.
    pub fn new(config: &config::Kafka) -> Result<Self, InvalidProperties> {
        let mut properties = ClientConfig::new();
        properties
            .set("client.id", "kafmesh-discover")
            // Brokers that were down are tried again about as often as the cluster is read.
            .set("reconnect.backoff.max.ms", "10000")
            // Some reasons are only logged, such as that a broker hung up. The property of that name is
            // overwritten by rdkafka.
            .set_log_level(RDKafkaLogLevel::Info);
        for (name, value) in &config.properties {
            properties.set(name, value.expose());
        }
        properties.set("bootstrap.servers", &config.brokers);
        properties
            .create_with_context(Said::default())
            .map(Self)
            .map_err(|error| InvalidProperties::from(&error))
    }

    pub(super) fn inner(&self) -> &client::Client<Said> {
        self.0.client()
    }

    /// What librdkafka said last of a broker it cannot use, since [`Client::forget`].
    pub(super) fn said(&self) -> Option<String> {
        self.inner().context().lock().clone()
    }

    /// Forgets what was said: the brokers can be used now.
    pub(super) fn forget(&self) {
        *self.inner().context().lock() = None;
    }
}

/// Remembers why brokers cannot be used: librdkafka's requests themselves end with no more than "timed out".
#[derive(Default)]
pub(super) struct Said(Mutex<Option<String>>);

impl Said {
    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        // Nothing that can panic is done under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, reason: &str) {
        *self.lock() = Some(without_duration(reason).to_owned());
    }
}

impl ClientContext for Said {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", ?level, facility, "{message}");
        if facility == "FAIL" {
            // It begins with the name of a thread of librdkafka.
            let reason = message.split_once("]: ").map_or(message, |(_, rest)| rest);
            self.remember(reason);
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, "{reason}");
        // Comes after the reasons, and says less.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.remember(reason);
        }
    }
}

impl ProducerContext for Said {
    type DeliveryOpaque = ();

    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// `reason` without how long the connection had been there, so that the same reason is the same text.
fn without_duration(reason: &str) -> &str {
    match reason.rsplit_once(" (after ") {
        Some((reason, duration)) if duration.ends_with(')') => reason,
        _ => reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn the_value_of_a_misspelt_property_is_not_told() {
        let config = config::Kafka {
            brokers: "localhost:9092".to_owned(),
            properties: [("sasl.pasword".to_owned(), Secret::new("hunter2"))].into(),
            interval: std::time::Duration::from_secs(1),
        };
        let error = Client::new(&config).err().unwrap().to_string();
        assert!(error.contains("KAFMESH_KAFKA_SASL_PASWORD: "), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn the_last_reason_is_remembered_without_its_duration() {
        let said = Said::default();
        let error = |code, reason: &str| said.error(KafkaError::Global(code), reason);
        error(
            RDKafkaErrorCode::Authentication,
            "b:9092/bootstrap: SASL authentication error: no (after 5ms in state AUTH_REQ)",
        );
        error(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down");
        let refused = "b:9092/bootstrap: SASL authentication error: no";
        assert_eq!(said.lock().as_deref(), Some(refused));

        let log = |facility, message| said.log(RDKafkaLogLevel::Info, facility, message);
        log(
            "FAIL",
            "[thrd:b:9092/1]: b:9092/1: Disconnected (after 7ms in state UP)",
        );
        log("CONFWARN", "[thrd:app]: a property has no effect");
        assert_eq!(said.lock().as_deref(), Some("b:9092/1: Disconnected"));
    }
}
