//! Topics: creating those the service owns, checking the rest, all problems at once.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::codegen::{ProcessorDescriptor, ServiceDescriptor, TopicSettings};
use crate::config::Config;
use crate::error::{Error, Result, TopicProblem};
use crate::kafka::{Cluster, ClusterTopics, NewTopic};

/// How often the brokers are asked for topics that were created a moment ago.
const LISTED_EVERY: Duration = Duration::from_millis(20);

/// Creates the topics the service owns, alters the settings of those that exist to match, and
/// returns the partition count of every topic in the cluster.
///
/// # Errors
///
/// [`Error::Unreachable`] without a broker; [`Error::Topics`] with everything that is wrong, before
/// anything is created.
pub(crate) async fn prepare(
    cluster: &Cluster,
    service: &ServiceDescriptor,
    config: &Config,
) -> Result<BTreeMap<String, i32>> {
    let mut known = cluster.topics(config.startup_timeout).await?;
    let mut plan = self::plan(service, &known, config.dev)?;
    if !plan.lowered.is_empty() {
        tracing::warn!(
            brokers = known.brokers,
            topics = plan.lowered.join(", "),
            "development machine: replication factors are lowered to the number of brokers"
        );
    }
    if !plan.create.is_empty() {
        create(cluster, &plan.create).await?;
        known = appeared(cluster, &plan.create, config).await?;
        // Another process may have created some of them a moment earlier, and differently.
        plan = self::plan(service, &known, config.dev)?;
    }
    alter(cluster, &plan.existing, config.dev).await?;
    Ok(known.partitions.into_iter().collect())
}

/// Checks the topics that the registered objects use and somebody else creates, and that what must
/// be co-partitioned is. `parts` are those that use one topic each.
pub(crate) fn check<'a>(
    processors: impl IntoIterator<Item = (&'a str, &'static ProcessorDescriptor)>,
    parts: impl IntoIterator<Item = (&'a str, &'static str)>,
    partitions: &BTreeMap<String, i32>,
) -> Result<()> {
    let mut problems = Vec::new();
    for (title, topic) in parts {
        if !partitions.contains_key(topic) {
            problems.push(TopicProblem::Missing {
                topic: topic.to_owned(),
                used_by: title.to_owned(),
            });
        }
    }
    for (title, processor) in processors {
        let mut first: Option<(&str, i32)> = None;
        for topic in processor
            .inputs
            .iter()
            .chain(processor.joins)
            .chain(&processor.persistence)
        {
            match (partitions.get(topic.topic), first) {
                (None, _) => problems.push(TopicProblem::Missing {
                    topic: topic.topic.to_owned(),
                    used_by: title.to_owned(),
                }),
                (Some(&count), None) => first = Some((topic.topic, count)),
                (Some(&count), Some((other, expected))) if count != expected => {
                    problems.push(TopicProblem::CoPartitioning {
                        processor: title.to_owned(),
                        topic: topic.topic.to_owned(),
                        actual: count,
                        other: other.to_owned(),
                        expected,
                    })
                }
                _ => {}
            }
        }
        let outputs = processor.outputs.iter().map(|output| &output.topic);
        for used in outputs.chain(processor.lookups) {
            if !partitions.contains_key(used.topic) {
                problems.push(TopicProblem::Missing {
                    topic: used.topic.to_owned(),
                    used_by: title.to_owned(),
                });
            }
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::Topics(problems))
    }
}

struct Plan {
    create: Vec<NewTopic>,
    existing: Vec<(&'static str, &'static TopicSettings)>,
    lowered: Vec<String>,
}

fn plan(service: &ServiceDescriptor, known: &ClusterTopics, dev: bool) -> Result<Plan> {
    let mut plan = Plan {
        create: Vec::new(),
        existing: Vec::new(),
        lowered: Vec::new(),
    };
    let mut problems = Vec::new();
    let most = i16::try_from(known.brokers).unwrap_or(i16::MAX).max(1);
    for topic in service.topics {
        let Some(settings) = &topic.settings else {
            let actual = known.partitions.get(topic.name).copied();
            if let (Some(declared), Some(actual)) = (topic.expected_partitions, actual)
                && declared != actual
            {
                problems.push(TopicProblem::Partitions {
                    topic: topic.name.to_owned(),
                    declared,
                    actual,
                });
            }
            continue;
        };
        match known.partitions.get(topic.name) {
            Some(&actual) if actual == settings.partitions => {
                plan.existing.push((topic.name, settings))
            }
            Some(&actual) => {
                problems.push(TopicProblem::Partitions {
                    topic: topic.name.to_owned(),
                    declared: settings.partitions,
                    actual,
                });
            }
            None => {
                let replication = settings.replication.min(most);
                if replication < settings.replication {
                    if dev {
                        plan.lowered.push(topic.name.to_owned());
                    } else {
                        problems.push(TopicProblem::Replication {
                            topic: topic.name.to_owned(),
                            declared: settings.replication,
                            brokers: known.brokers,
                        });
                    }
                }
                plan.create.push(NewTopic {
                    name: topic.name.to_owned(),
                    partitions: settings.partitions,
                    replication: i32::from(replication),
                    config: topic_config(settings).into(),
                });
            }
        }
    }
    if problems.is_empty() {
        Ok(plan)
    } else {
        Err(Error::Topics(problems))
    }
}

fn topic_config(settings: &TopicSettings) -> [(String, String); 3] {
    // Compaction keeps the last record of a key for ever; what has a time is how long its delete is seen.
    let (policy, retention) = if settings.compact {
        ("compact", "delete.retention.ms")
    } else {
        ("delete", "retention.ms")
    };
    [
        ("cleanup.policy".to_owned(), policy.to_owned()),
        (retention.to_owned(), settings.retention_ms.to_string()),
        ("segment.ms".to_owned(), settings.segment_ms.to_string()),
    ]
}

async fn create(cluster: &Cluster, topics: &[NewTopic]) -> Result<()> {
    if topics.is_empty() {
        return Ok(());
    }
    let mut problems = Vec::new();
    for (topic, created) in cluster.create_topics(topics).await? {
        match created {
            Ok(_) => tracing::info!(topic, "topic created"),
            Err(reason) => problems.push(TopicProblem::Refused {
                topic,
                action: "created",
                reason,
            }),
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::Topics(problems))
    }
}

/// Waits until the brokers list `created`: the controller answers before they have heard of it.
async fn appeared(
    cluster: &Cluster,
    created: &[NewTopic],
    config: &Config,
) -> Result<ClusterTopics> {
    let deadline = Instant::now() + config.startup_timeout;
    loop {
        let known = cluster.topics(config.startup_timeout).await?;
        let Some(missing) = created
            .iter()
            .find(|topic| !known.partitions.contains_key(&topic.name))
        else {
            return Ok(known);
        };
        if Instant::now() >= deadline {
            return Err(Error::Kafka {
                action: format!("waiting for the created topic {}", missing.name),
                reason: format!(
                    "the brokers do not list it after {:?}",
                    config.startup_timeout
                ),
                retriable: true,
            });
        }
        tokio::time::sleep(LISTED_EVERY).await;
    }
}

async fn alter(
    cluster: &Cluster,
    topics: &[(&'static str, &'static TopicSettings)],
    dev: bool,
) -> Result<()> {
    if topics.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = topics.iter().map(|(name, _)| *name).collect();
    let actual = cluster.topic_config(&names).await?;
    let mut problems = Vec::new();
    for (name, settings) in topics {
        let changes: Vec<_> = topic_config(settings)
            .into_iter()
            .filter(|(key, wanted)| {
                actual.get(*name).and_then(|config| config.get(key)) != Some(wanted)
            })
            .collect();
        if changes.is_empty() {
            continue;
        }
        match cluster.alter_topic_config(name, &changes).await {
            Ok(()) => tracing::info!(
                topic = name,
                ?changes,
                "topic settings altered to match the definition"
            ),
            // The embedded broker cannot alter topics; on a development machine that is no reason to stop.
            Err(error) if dev => {
                tracing::warn!(topic = name, %error, "topic settings left as they are")
            }
            Err(error) => problems.push(TopicProblem::Refused {
                topic: (*name).to_owned(),
                action: "altered",
                reason: error.to_string(),
            }),
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Error::Topics(problems))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::codegen::v1::{TopicDescriptor, TopicUse};

    const SETTINGS: TopicSettings = TopicSettings {
        partitions: 10,
        replication: 3,
        compact: false,
        retention_ms: 1,
        segment_ms: 1,
    };

    static SERVICE: ServiceDescriptor = ServiceDescriptor {
        name: "s",
        description: "",
        topics: &[
            TopicDescriptor {
                name: "s.a",
                settings: Some(SETTINGS),
                expected_partitions: None,
            },
            TopicDescriptor {
                name: "s.b",
                settings: Some(SETTINGS),
                expected_partitions: None,
            },
            TopicDescriptor {
                name: "other.c",
                settings: None,
                expected_partitions: Some(6),
            },
        ],
        components: &[],
        files: b"",
    };

    fn cluster(brokers: usize, topics: &[(&str, i32)]) -> ClusterTopics {
        ClusterTopics {
            brokers,
            partitions: topics
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect::<HashMap<_, _>>(),
        }
    }

    #[test]
    fn every_topic_with_another_partition_count_is_named_at_once() {
        let known = cluster(3, &[("s.a", 4), ("s.b", 1), ("other.c", 8)]);
        let error = plan(&SERVICE, &known, false).err().unwrap().to_string();
        assert!(error.starts_with("3 problems with the topics of this service:\n  - s.a has 4 partitions, the definition says 10;"), "{error}");
        assert!(error.contains("\n  - s.b has 1 partition,"), "{error}");
        assert!(
            error.contains("\n  - other.c has 8 partitions, the definition says 6;"),
            "{error}"
        );
    }

    #[test]
    fn replication_above_the_brokers_is_lowered_in_dev_and_an_error_elsewhere() {
        let known = cluster(1, &[("s.a", 10)]);
        let error = plan(&SERVICE, &known, false).err().unwrap().to_string();
        assert!(
            error.contains("s.b asks for 3 replicas, but the cluster has 1 broker;"),
            "{error}"
        );
        let plan = plan(&SERVICE, &known, true).unwrap();
        assert_eq!(plan.lowered, ["s.b"]);
        assert_eq!(plan.create[0].replication, 1);
        assert_eq!(plan.existing[0].0, "s.a");
    }

    #[test]
    fn missing_and_unequal_topics_of_processors_are_named_at_once() {
        static PROCESSOR: ProcessorDescriptor = ProcessorDescriptor {
            name: "p",
            description: "",
            group: "g",
            inputs: &[
                TopicUse {
                    topic: "s.a",
                    message: "a",
                    message_type: "A",
                },
                TopicUse {
                    topic: "other.c",
                    message: "c",
                    message_type: "C",
                },
                TopicUse {
                    topic: "s.b",
                    message: "b",
                    message_type: "B",
                },
            ],
            joins: &[],
            lookups: &[],
            outputs: &[],
            persistence: None,
        };
        let partitions = BTreeMap::from([("s.a".to_owned(), 4), ("s.b".to_owned(), 2)]);
        let parts = [("sink s", "other.d"), ("sink t", "s.a")];
        let error = check([("processor p", &PROCESSOR)], parts, &partitions)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("other.c does not exist; processor p needs it"),
            "{error}"
        );
        assert!(
            error.contains("other.d does not exist; sink s needs it"),
            "{error}"
        );
        assert!(!error.contains("sink t"), "{error}");
        assert!(
            error.contains("processor p reads s.b with 2 partitions and s.a with 4"),
            "{error}"
        );
    }
}
