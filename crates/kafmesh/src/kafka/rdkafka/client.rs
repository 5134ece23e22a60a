//! How to reach a cluster, and the parts every client of it is made of.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use ::rdkafka::config::ClientConfig;
use ::rdkafka::consumer::{BaseConsumer, Consumer as _};
use ::rdkafka::error::KafkaError;
use ::rdkafka::types::RDKafkaErrorCode;

use super::admin::Admin;
use super::config::{self, Properties};
use super::context::Context;
use super::group::GroupConsumer;
use super::producer::Producer;
use super::reader::Reader;
use super::topic_ids::{DescribedBy, KnownTopics};
use crate::error::{Error, Result};

/// How long a request to the cluster may take before it is an error.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// How long a serving thread sleeps when nothing happens; also how late it may notice the end.
pub(super) const IDLE: Duration = Duration::from_millis(100);

/// A Kafka cluster: makes clients of it. Clones share the admin client.
#[derive(Clone)]
pub(crate) struct Cluster {
    pub(super) properties: Properties,
    pub(super) admin: Arc<Admin>,
    pub(super) known_topics: KnownTopics,
    pub(super) described_by: DescribedBy,
}

impl Cluster {
    /// `properties` are any of librdkafka's; they win over the defaults of this module.
    ///
    /// # Errors
    /// [`Error::Config`] for a property that does not exist, has no usable value, or that correctness
    /// depends on. Whether a broker answers shows later: [`topics`](Self::topics).
    pub(crate) fn new(brokers: &str, properties: &BTreeMap<String, String>) -> Result<Self> {
        let properties = Properties::new(brokers, properties)?;
        let admin = Arc::new(Admin::new(&properties)?);
        Ok(Self {
            properties,
            admin,
            known_topics: KnownTopics::default(),
            described_by: DescribedBy::default(),
        })
    }

    /// Joins `group`.
    pub(crate) fn group_consumer(&self, group: &str, topics: &[&str]) -> Result<GroupConsumer> {
        GroupConsumer::new(&self.properties, group, topics)
    }

    pub(crate) fn reader(&self) -> Result<Reader> {
        Reader::new(self)
    }

    /// `name` is what logs call the producer.
    pub(crate) fn producer(&self, name: &str) -> Result<Producer> {
        Producer::new(&self.properties, name)
    }
}

/// A consumer that is destroyed on a thread of its own: that joins librdkafka's threads and, for a
/// member, leaves the group, which may wait for a broker. Streams and batches hold on to it.
pub(super) struct ConsumerHandle(Option<BaseConsumer<Context>>);

impl ConsumerHandle {
    pub(super) fn new(config: &ClientConfig, context: Context) -> Result<Self> {
        config
            .create_with_context(context)
            .map(|consumer| Self(Some(consumer)))
            .map_err(|error| config::invalid(&error))
    }

    pub(super) fn context(&self) -> &Arc<Context> {
        self.client().context()
    }

    /// Destroys the client on this thread.
    pub(super) fn destroy(mut self) {
        drop(self.0.take());
    }

    /// Waits a while for events and handles them.
    pub(super) fn serve(&self) {
        match self.poll(IDLE) {
            None => {}
            Some(Ok(_)) => {
                tracing::error!(target: "kafmesh::kafka", client = self.context().client(), "a record arrived outside of its partition's queue");
            }
            Some(Err(error)) if is_final(&error) => {
                // The context has just been told the client's own words.
                let reason = self.context().last_error();
                self.context()
                    .fail(reason.unwrap_or_else(|| error.to_string()));
            }
            // The context has said it, and the client goes on.
            Some(Err(_)) => {}
        }
    }
}

/// Whether a client does not recover from the error by itself.
///
/// Lost credentials and access are final for the Java client, too; librdkafka would try for ever.
fn is_final(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || matches!(
            error.rdkafka_error_code(),
            Some(
                Code::TopicAuthorizationFailed
                    | Code::GroupAuthorizationFailed
                    | Code::ClusterAuthorizationFailed
                    | Code::SaslAuthenticationFailed
                    | Code::Authentication
            )
        )
}

impl Deref for ConsumerHandle {
    type Target = BaseConsumer<Context>;

    #[expect(clippy::expect_used, reason = "only drop takes the consumer")]
    fn deref(&self) -> &Self::Target {
        self.0
            .as_ref()
            .expect("the consumer is there until the handle is dropped")
    }
}

impl Drop for ConsumerHandle {
    fn drop(&mut self) {
        let Some(consumer) = self.0.take() else {
            return;
        };
        consumer.context().close();
        // If there is no thread to be had, the closure and the consumer in it are dropped here.
        let _ = std::thread::Builder::new()
            .name("kafmesh-close".to_owned())
            .spawn(move || drop(consumer));
    }
}

/// Starts a thread that serves a client.
pub(super) fn spawn(
    name: &str,
    serve: impl FnOnce() + Send + 'static,
) -> Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(serve)
        .map_err(|error| Error::Kafka {
            action: "starting a thread for a Kafka client".to_owned(),
            reason: error.to_string(),
            retriable: false,
        })
}

/// Runs a call of the client that blocks where it holds up no task.
pub(super) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(call).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Kafka {
                action: "calling the Kafka client".to_owned(),
                reason: "the process is shutting down".to_owned(),
                retriable: false,
            }),
        },
    }
}
