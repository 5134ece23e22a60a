//! Which topics a process copies, by id: a topic that is created anew has its old name and another id.
//!
//! librdkafka follows a name: it reads on in the new topic, wherever the old one was at.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use ::rdkafka::admin::AdminClient;
use ::rdkafka::types::RDKafkaErrorCode;

use super::client::Cluster;
use super::context::lock;
use super::ffi;
use crate::error::{Error, Result};
use crate::kafka::TopicId;

/// The topics that were asked for, with the ids they had then; clones share them.
#[derive(Clone, Default)]
pub(super) struct KnownTopics(Arc<Mutex<BTreeMap<String, Option<TopicId>>>>);

/// The brokers that descriptions can be asked from, the next one first; clones share them.
///
/// librdkafka would ask the controller, and waits without an end for a controller that it does not
/// know, though every broker has the answer.
#[derive(Clone, Default)]
pub(super) struct DescribedBy(Arc<Mutex<VecDeque<i32>>>);

impl DescribedBy {
    pub(super) fn know(&self, brokers: impl Iterator<Item = i32>) {
        *lock(&self.0) = brokers.collect();
    }

    fn next(&self) -> Option<i32> {
        lock(&self.0).front().copied()
    }

    /// `broker` did not answer: asks another one the next time.
    fn avoid(&self, broker: i32) {
        let mut brokers = lock(&self.0);
        if brokers.front() == Some(&broker) {
            brokers.rotate_left(1);
        }
    }
}

impl Cluster {
    /// The ids of those of `topics` that exist; `None` where the broker gives no ids.
    ///
    /// # Errors
    /// [`Error::Kafka`] when the request failed, or a topic cannot be described.
    pub(crate) async fn topic_ids(
        &self,
        topics: &[&str],
    ) -> Result<HashMap<String, Option<TopicId>>> {
        let action = || format!("asking for the ids of topics {}", topics.join(", "));
        let client = Arc::clone(&self.admin.client);
        let broker = self.described_by.next();
        let described = ffi::describe_topics(client, AdminClient::inner, broker, topics).await;
        let described = described.map_err(|code| {
            if let Some(broker) = broker {
                self.described_by.avoid(broker);
            }
            super::failed_with(action(), code)
        })?;
        let mut ids = HashMap::with_capacity(described.len());
        for (topic, answer) in described {
            match answer {
                Ok(id) => {
                    ids.insert(topic, (id != [0; 16]).then_some(TopicId(id)));
                }
                Err(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                }
                Err(code) => return Err(super::failed_with(action(), code)),
            }
        }
        Ok(ids)
    }

    /// The id that `topic` had when it was asked for first, `None` if the broker gives no ids.
    /// [`replaced`](Self::replaced) tells when it has another.
    ///
    /// # Errors
    /// [`Error::Kafka`]; an unknown topic is retriable, since not every broker may have heard of a
    /// new one.
    pub(crate) async fn topic_id(&self, topic: &str) -> Result<Option<TopicId>> {
        let known = lock(&self.known_topics.0).get(topic).copied();
        if let Some(id) = known {
            return Ok(id);
        }
        let Some(id) = self.topic_ids(&[topic]).await?.remove(topic) else {
            return Err(Error::Kafka {
                action: format!("asking for the id of topic {topic}"),
                reason: super::reason(RDKafkaErrorCode::UnknownTopicOrPartition),
                retriable: true,
            });
        };
        // Whoever asked at the same time has to get the same answer.
        Ok(*lock(&self.known_topics.0)
            .entry(topic.to_owned())
            .or_insert(id))
    }

    /// A topic whose id was asked for, and that is gone or another by now.
    ///
    /// One request for all of them. A single broker may lag behind: ask again before acting.
    pub(crate) async fn replaced(&self) -> Result<Option<String>> {
        let known = lock(&self.known_topics.0).clone();
        if known.is_empty() {
            return Ok(None);
        }
        let names: Vec<_> = known.keys().map(String::as_str).collect();
        let ids = self.topic_ids(&names).await?;
        Ok(known
            .into_iter()
            .find(|(topic, id)| ids.get(topic) != Some(id))
            .map(|(topic, _)| topic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_does_not_answer_is_followed_by_another() {
        let brokers = DescribedBy::default();
        assert_eq!(brokers.next(), None);
        brokers.know([3, 1].into_iter());
        assert_eq!(brokers.next(), Some(3));
        brokers.avoid(3);
        // Several requests may have failed at once.
        brokers.avoid(3);
        assert_eq!(brokers.next(), Some(1));
        brokers.avoid(1);
        assert_eq!(brokers.next(), Some(3));
    }
}
