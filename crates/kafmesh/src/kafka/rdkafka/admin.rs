//! Topics of a cluster: listing, creating, configuring.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::rdkafka::admin::{
    AdminClient, AdminOptions, NewTopic as NativeTopic, OwnedResourceSpecifier, ResourceSpecifier,
    TopicReplication,
};
use ::rdkafka::config::FromClientConfigAndContext as _;
use ::rdkafka::error::KafkaError;
use ::rdkafka::types::RDKafkaErrorCode;

use super::client::{Cluster, IDLE, REQUEST_TIMEOUT, blocking};
use super::config::{self, Properties};
use super::context::Context;
use super::ffi::{self, MainQueue};
use crate::error::{Error, Result};

/// What a cluster has.
#[derive(Debug)]
pub(crate) struct ClusterTopics {
    /// How many brokers there are.
    pub(crate) brokers: usize,
    /// The partition count of every topic.
    pub(crate) partitions: HashMap<String, i32>,
}

/// A topic to be created.
#[derive(Debug, Clone)]
pub(crate) struct NewTopic {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    /// -1 is the cluster's default.
    pub(crate) replication: i32,
    /// Settings by Kafka's names (`cleanup.policy`).
    pub(crate) config: Vec<(String, String)>,
}

/// How a request to create a topic ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TopicCreation {
    Created,
    AlreadyExisted,
}

/// The admin client; a thread serves its logs, in which this client reports errors.
pub(super) struct Admin {
    pub(super) client: Arc<AdminClient<Context>>,
    dropped: Arc<AtomicBool>,
}

impl Admin {
    pub(super) fn new(properties: &Properties) -> Result<Self> {
        let client =
            AdminClient::from_config_and_context(&properties.admin(), Context::new("admin"));
        let client = Arc::new(client.map_err(|error| config::invalid(&error))?);
        let dropped = Arc::<AtomicBool>::default();
        let (served, ended) = (Arc::clone(&client), Arc::clone(&dropped));
        super::client::spawn("kafmesh-admin", move || {
            let Some(queue) = MainQueue::of(served.inner()) else {
                return;
            };
            while !ended.load(Ordering::Acquire) {
                queue.serve(IDLE, &mut |_| {});
            }
        })?;
        Ok(Self { client, dropped })
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::Release);
    }
}

impl Cluster {
    /// Lists the topics, waiting up to `wait` for a broker.
    ///
    /// # Errors
    /// [`Error::Unreachable`], with what the client said last, such as `Connection refused`.
    pub(crate) async fn topics(&self, wait: Duration) -> Result<ClusterTopics> {
        let client = Arc::clone(&self.admin.client);
        let brokers = self.properties.brokers().to_owned();
        let described_by = self.described_by.clone();
        blocking(move || {
            let metadata =
                client.inner().fetch_metadata(None, wait).map_err(|error| {
                    match error.rdkafka_error_code() {
                        Some(code) if super::is_retriable(code) => Error::Unreachable {
                            brokers,
                            waited: wait,
                            reason: client
                                .inner()
                                .context()
                                .last_error()
                                .unwrap_or_else(|| super::reason(code)),
                        },
                        _ => super::failed("listing the topics", &error),
                    }
                })?;
            described_by.know(metadata.brokers().iter().map(|broker| broker.id()));
            let partitions = metadata
                .topics()
                .iter()
                .filter(|topic| topic.error().is_none());
            Ok(ClusterTopics {
                brokers: metadata.brokers().len(),
                partitions: partitions
                    .map(|topic| (topic.name().to_owned(), topic.partitions().len() as i32))
                    .collect(),
            })
        })
        .await
    }

    /// The offset after the last record that `partition` of `topic` holds now.
    ///
    /// Asked through a client that fetches nothing: a broker answers the requests of a connection one
    /// after the other, and holds a fetch without records for `fetch.wait.max.ms`.
    ///
    /// # Errors
    /// [`Error::Kafka`], as [`Reader::watermarks`](super::Reader::watermarks).
    pub(crate) async fn end_of(&self, topic: &str, partition: i32) -> Result<i64> {
        let client = Arc::clone(&self.admin.client);
        let topic = topic.to_owned();
        blocking(move || {
            let asked = client
                .inner()
                .fetch_watermarks(&topic, partition, REQUEST_TIMEOUT);
            match asked {
                Ok((_, end)) => Ok(end),
                Err(error) => Err(super::failed_on_existing(
                    format!("asking for the end of topic {topic}, partition {partition}"),
                    &error,
                )),
            }
        })
        .await
    }

    /// Creates topics; each may end differently. The text is the broker's reason for a refusal.
    ///
    /// # Errors
    /// [`Error::Kafka`] when the request as a whole failed.
    pub(crate) async fn create_topics(
        &self,
        topics: &[NewTopic],
    ) -> Result<Vec<(String, Result<TopicCreation, String>)>> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let native = topics.iter().map(|topic| NativeTopic {
            name: &topic.name,
            num_partitions: topic.partitions,
            replication: TopicReplication::Fixed(topic.replication),
            config: topic
                .config
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
        });
        let native: Vec<_> = native.collect();
        // The broker answers when the topics exist, not when it has heard of them.
        let options = options().operation_timeout(Some(REQUEST_TIMEOUT));
        let results = self
            .admin
            .client
            .create_topics(&native, &options)
            .await
            .map_err(|error| refused("creating topics", &error))?;
        let ended = |result| match result {
            Ok(name) => (name, Ok(TopicCreation::Created)),
            Err((name, RDKafkaErrorCode::TopicAlreadyExists)) => {
                (name, Ok(TopicCreation::AlreadyExisted))
            }
            Err((name, code)) => (name, Err(super::reason(code))),
        };
        Ok(results.into_iter().map(ended).collect())
    }

    /// The settings of topics that exist, defaults included, by Kafka's names.
    pub(crate) async fn topic_config(
        &self,
        topics: &[&str],
    ) -> Result<HashMap<String, HashMap<String, String>>> {
        if topics.is_empty() {
            return Ok(HashMap::new());
        }
        let asked: Vec<_> = topics
            .iter()
            .map(|topic| ResourceSpecifier::Topic(topic))
            .collect();
        let action = "reading the settings of topics";
        let found = self
            .admin
            .client
            .describe_configs(&asked, &options())
            .await
            .map_err(|error| refused(action, &error))?;
        let mut settings = HashMap::with_capacity(found.len());
        for resource in found {
            let resource = resource.map_err(|code| super::failed_with(action, code))?;
            if let OwnedResourceSpecifier::Topic(topic) = resource.specifier {
                let entries = resource
                    .entries
                    .into_iter()
                    .filter_map(|entry| Some((entry.name, entry.value?)));
                settings.insert(topic, entries.collect());
            }
        }
        Ok(settings)
    }

    /// Changes the named settings of a topic and leaves its others as they are.
    ///
    /// # Errors
    /// [`Error::Kafka`] with the broker's text; also from brokers that know only the request that
    /// replaces all settings (before Kafka 2.3), which is never used.
    pub(crate) async fn alter_topic_config(
        &self,
        topic: &str,
        changes: &[(String, String)],
    ) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let client = Arc::clone(&self.admin.client);
        ffi::alter_topic(client, AdminClient::inner, topic, changes)
            .await
            .map_err(|reason| Error::Kafka {
                action: format!("altering the settings of topic {topic}"),
                reason,
                retriable: false,
            })
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(REQUEST_TIMEOUT))
}

/// Admin requests carry their code outside of `KafkaError::rdkafka_error_code`.
fn refused(action: &str, error: &KafkaError) -> Error {
    match error {
        KafkaError::AdminOp(code) => super::failed_with(action, *code),
        other => super::failed(action, other),
    }
}
