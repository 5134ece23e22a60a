//! One look at a cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;

use super::TIMEOUT;
use super::answer::{Answer, Position, why};
use super::client::Client;
use super::declared::Declared;
use super::failures::Failures;
use super::requests::Requests;
use crate::mesh::actual::{Actual, ActualGroup, ActualTopic, Lag};

/// How many requests are under way at a time: enough that their latencies overlap.
const AT_ONCE: usize = 64;

/// How late it may be noticed that nobody waits any more.
const NOTICE: Duration = Duration::from_millis(100);

/// How many topics or partitions are asked for in one request.
const NAMES: usize = 10_000;

/// An offset of each partition, by topic; `None` where it could not be read.
type Offsets = HashMap<String, BTreeMap<i32, Option<i64>>>;

/// What was found in one look.
pub(super) struct Looked {
    pub(super) found: Actual,
    /// What of it could not be read, and why.
    pub(super) incomplete: Option<String>,
}

/// Reads all topics and groups, and asks for those of `declared` that are not among them. What cannot be
/// read of one of them does not keep the others from being shown.
///
/// # Errors
///
/// When no broker answers, when the groups cannot be listed, and when the answers come too late.
pub(super) fn look(
    client: &Client,
    declared: &Declared,
    abandoned: &AtomicBool,
) -> Result<Looked, String> {
    let at = Timestamp::now();
    let (mut topics, unreadable) = topics(client)?;
    let mut look = Look::new(client, abandoned);
    look.requests.groups();
    look.until(0)?;
    if let Some(why) = look.failures.told() {
        return Err(why);
    }
    for (topic, why) in &unreadable {
        look.failures.add(format_args!("topic {topic}"), why);
    }
    let is_unlisted = |name: &&str| {
        !name.is_empty() && !topics.contains_key(*name) && !unreadable.contains_key(*name)
    };
    let names = declared.topics.iter().map(|name| &**name);
    let unlisted: Vec<&str> = names.filter(is_unlisted).collect();
    for some in unlisted.chunks(NAMES) {
        look.requests.topics(some);
        look.until(AT_ONCE)?;
    }
    let listed: Vec<String> = look.listed.iter().map(|(name, _)| name.clone()).collect();
    let partitions: Vec<(&str, i32)> = topics
        .iter()
        .flat_map(|(name, topic)| (0..topic.partitions).map(move |number| (name.as_str(), number)))
        .collect();
    for some in partitions.chunks(NAMES) {
        look.requests.ends(some.iter().copied());
        look.until(AT_ONCE)?;
    }
    let is_listed: HashSet<&str> = listed.iter().map(String::as_str).collect();
    let groups = declared.groups.iter().map(String::as_str);
    let unlisted = groups.filter(|name| !name.is_empty() && !is_listed.contains(name));
    let groups: Vec<&str> = listed.iter().map(String::as_str).chain(unlisted).collect();
    for some in groups.chunks(AT_ONCE) {
        look.requests.members(some);
        look.until(AT_ONCE)?;
    }
    for (number, name) in listed.iter().enumerate() {
        look.requests.committed(number, name);
        look.until(AT_ONCE)?;
    }
    look.until(0)?;
    for (name, topic) in &mut topics {
        add_ends(topic, look.ends.get(name));
    }
    let incomplete = look.failures.told();
    let missing_topics = std::mem::take(&mut look.missing_topics);
    let missing_groups = std::mem::take(&mut look.missing_groups);
    let mut groups = look.groups(&topics);
    // Those that went after they were listed.
    groups.retain(|name, _| !missing_groups.contains(name));
    let found = Actual {
        at,
        failing_since: None,
        topics,
        missing_topics,
        groups,
        missing_groups,
    };
    Ok(Looked { found, incomplete })
}

/// What has been answered so far.
struct Look<'a> {
    requests: Requests<'a>,
    abandoned: &'a AtomicBool,
    /// Groups and their states.
    listed: Vec<(String, String)>,
    missing_topics: BTreeSet<String>,
    members: HashMap<String, usize>,
    missing_groups: BTreeSet<String>,
    /// By the numbers of groups in `listed`.
    committed: HashMap<usize, Offsets>,
    ends: Offsets,
    failures: Failures,
}

impl<'a> Look<'a> {
    fn new(client: &'a Client, abandoned: &'a AtomicBool) -> Self {
        Self {
            requests: Requests::new(client, TIMEOUT),
            abandoned,
            listed: Vec::new(),
            missing_topics: BTreeSet::new(),
            members: HashMap::new(),
            missing_groups: BTreeSet::new(),
            committed: HashMap::new(),
            ends: Offsets::new(),
            failures: Failures::default(),
        }
    }

    /// Takes answers until at most `pending` requests wait for theirs.
    fn until(&mut self, pending: usize) -> Result<(), String> {
        while self.requests.pending() > pending {
            if self.abandoned.load(Ordering::Relaxed) {
                return Err("nobody waits for the answer any more".to_owned());
            }
            if let Some(answer) = self.requests.next(NOTICE) {
                self.take(answer);
            }
        }
        Ok(())
    }

    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Groups(groups, errors) => {
                self.listed
                    .extend(groups.into_iter().map(|group| (group.name, group.state)));
                for why in errors {
                    self.failures.add(format_args!("groups"), &why);
                }
            }
            Answer::Topics(topics) => {
                for (name, is_there) in topics {
                    let what = format_args!("topic {name}");
                    // One that is there has come since the list.
                    if self.failures.ok(what, is_there) == Some(false) {
                        self.missing_topics.insert(name);
                    }
                }
            }
            Answer::Members(groups) => {
                for (name, members) in groups {
                    let what = format_args!("the members of group {name}");
                    match self.failures.ok(what, members) {
                        Some(Some(members)) => {
                            self.members.insert(name, members);
                        }
                        Some(None) => {
                            self.missing_groups.insert(name);
                        }
                        None => {}
                    }
                }
            }
            Answer::Committed(number, positions) => {
                let group = self.listed.get(number).map_or("?", |(name, _)| name);
                let what = format_args!("the offsets of group {group}");
                if let Some(positions) = self.failures.ok(what, positions) {
                    let committed = self.committed.entry(number).or_default();
                    enter(committed, &mut self.failures, "the commit in", positions);
                }
            }
            Answer::Ends(positions) => {
                enter(&mut self.ends, &mut self.failures, "the end of", positions);
            }
            Answer::Failed(what, why) => self.failures.add(format_args!("{what}"), &why),
        }
    }

    fn groups(mut self, topics: &BTreeMap<String, ActualTopic>) -> BTreeMap<String, ActualGroup> {
        let listed = std::mem::take(&mut self.listed);
        let mut groups = BTreeMap::new();
        for (number, (name, state)) in listed.into_iter().enumerate() {
            let members = self.members.remove(&name);
            let committed = self.committed.remove(&number);
            let group = ActualGroup {
                state,
                members: members.and_then(|count| u32::try_from(count).ok()),
                lag: committed.map(|committed| lags(&committed, topics, &self.ends)),
            };
            groups.insert(name, group);
        }
        groups
    }
}

fn enter(offsets: &mut Offsets, failures: &mut Failures, what: &str, positions: Vec<Position>) {
    for position in positions {
        let (topic, partition) = (&position.topic, position.partition);
        let what = format_args!("{what} {topic}/{partition}");
        let offset = failures.ok(what, position.offset);
        let of_topic = offsets.entry(position.topic).or_default();
        of_topic.insert(position.partition, offset);
    }
}

/// Adds what the ends of its partitions say of a topic.
fn add_ends(topic: &mut ActualTopic, ends: Option<&BTreeMap<i32, Option<i64>>>) {
    let ends: Vec<Option<i64>> = (0..topic.partitions)
        .map(|number| ends?.get(&number).copied()?)
        .collect();
    topic.end = ends.iter().copied().sum();
    topic.with_records = ends.iter().flatten().filter(|end| **end > 0).count();
    topic.unknown = ends.iter().filter(|end| end.is_none()).count();
}

/// How far a group is behind, in each topic it has committed offsets for.
fn lags(
    committed: &Offsets,
    topics: &BTreeMap<String, ActualTopic>,
    ends: &Offsets,
) -> BTreeMap<String, Lag> {
    let lags = committed.iter().filter_map(|(name, committed)| {
        // What was committed in a topic that is gone says nothing any more.
        let partitions = topics.get(name)?.partitions;
        Some((name.clone(), lag(committed, partitions, ends.get(name))))
    });
    lags.collect()
}

fn lag(
    committed: &BTreeMap<i32, Option<i64>>,
    partitions: i32,
    ends: Option<&BTreeMap<i32, Option<i64>>>,
) -> Lag {
    let mut lag = Lag::default();
    for number in 0..partitions {
        let end = ends.and_then(|ends| ends.get(&number).copied().flatten());
        match (end, committed.get(&number)) {
            // A topic that was created anew ends before what was committed in the old one.
            (Some(end), Some(Some(committed))) => lag.records += (end - committed).max(0),
            (None, _) | (_, Some(None)) => lag.unknown += 1,
            // An empty partition has nothing to commit.
            (Some(end), None) => lag.uncommitted += usize::from(end > 0),
        }
    }
    lag
}

/// Why Kafka tells nothing of a topic, by its name.
type Unreadable = BTreeMap<String, String>;

/// The topics there are, without the ends of their partitions and without internal ones, and why Kafka
/// tells nothing of others.
fn topics(client: &Client) -> Result<(BTreeMap<String, ActualTopic>, Unreadable), String> {
    let metadata = client
        .inner()
        .fetch_metadata(None, TIMEOUT)
        .map_err(|error| format!("topics could not be read: {error}"))?;
    let (mut topics, mut unreadable) = (BTreeMap::new(), BTreeMap::new());
    for topic in metadata.topics() {
        let name = topic.name();
        if name.starts_with("__") {
            continue;
        }
        if let Some(error) = topic.error() {
            unreadable.insert(name.to_owned(), why(error));
            continue;
        }
        let partitions = topic.partitions();
        let replication = partitions.iter().map(|one| one.replicas().len()).min();
        let topic = ActualTopic {
            partitions: i32::try_from(partitions.len()).unwrap_or(i32::MAX),
            replication: replication
                .and_then(|count| i32::try_from(count).ok())
                .unwrap_or_default(),
            end: None,
            with_records: 0,
            unknown: partitions.len(),
        };
        topics.insert(name.to_owned(), topic);
    }
    Ok((topics, unreadable))
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::producer::DefaultProducerContext;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;
    use crate::config;

    fn offsets(of: &[(i32, Option<i64>)]) -> BTreeMap<i32, Option<i64>> {
        of.iter().copied().collect()
    }

    fn topic(partitions: i32) -> ActualTopic {
        ActualTopic {
            partitions,
            replication: 1,
            end: None,
            with_records: 0,
            unknown: 0,
        }
    }

    #[test]
    fn lag_is_what_lies_between_commits_and_ends() {
        let topics = [("a".to_owned(), topic(4)), ("b".to_owned(), topic(1))].into();
        let some = |number, offset| (number, Some(offset));
        let ends = Offsets::from([
            (
                "a".to_owned(),
                offsets(&[some(0, 10), some(1, 5), some(2, 0), some(3, 7)]),
            ),
            ("b".to_owned(), offsets(&[some(0, 3)])),
        ]);
        let committed = Offsets::from([
            // The second as if the topic had been created anew.
            ("a".to_owned(), offsets(&[some(0, 4), some(1, 9)])),
            ("gone".to_owned(), offsets(&[some(0, 9)])),
            ("b".to_owned(), offsets(&[some(0, 3)])),
        ]);
        let behind = Lag {
            records: 6,
            uncommitted: 1,
            unknown: 0,
        };
        assert_eq!(
            lags(&committed, &topics, &ends),
            [("a".to_owned(), behind), ("b".to_owned(), Lag::default())].into()
        );
    }

    #[test]
    fn what_could_not_be_read_is_counted_as_unknown() {
        let committed = offsets(&[(0, Some(4)), (1, Some(4)), (2, None)]);
        let ends = offsets(&[(0, Some(10)), (1, None), (2, Some(8)), (4, Some(1))]);
        let behind = |unknown| Lag {
            records: 6,
            uncommitted: 1,
            unknown,
        };
        assert_eq!(lag(&committed, 5, Some(&ends)), behind(3));
        assert_eq!(
            lag(&committed, 5, None),
            Lag {
                unknown: 5,
                ..Lag::default()
            }
        );

        let mut read = topic(5);
        add_ends(&mut read, Some(&ends));
        assert_eq!((read.end, read.with_records, read.unknown), (None, 3, 2));
        add_ends(&mut read, None);
        assert_eq!((read.end, read.with_records, read.unknown), (None, 0, 5));
        let ends = offsets(&[(0, Some(10)), (1, Some(0))]);
        let mut read = topic(2);
        add_ends(&mut read, Some(&ends));
        assert_eq!(
            (read.end, read.with_records, read.unknown),
            (Some(10), 1, 0)
        );
    }

    fn client(cluster: &MockCluster<'_, DefaultProducerContext>) -> Client {
        let config = config::Kafka {
            brokers: cluster.bootstrap_servers(),
            properties: BTreeMap::new(),
            interval: Duration::from_secs(1),
        };
        Client::new(&config).unwrap()
    }

    #[test]
    fn a_topic_with_an_error_is_not_a_topic_without_partitions() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("good", 3, 1).unwrap();
        cluster.create_topic("bad", 3, 1).unwrap();
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        cluster.topic_error("bad", error).unwrap();
        let (topics, unreadable) = topics(&client(&cluster)).unwrap();
        assert_eq!(topics.keys().collect::<Vec<_>>(), ["good"]);
        assert_eq!(topics["good"].partitions, 3);
        let why = "kafmesh-discover lacks the right `Describe` on topics".to_owned();
        assert_eq!(unreadable, [("bad".to_owned(), why)].into());
    }

    #[test]
    fn an_end_that_is_not_told_is_a_failure_with_its_reason() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 2, 1).unwrap();
        let error = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        cluster.request_errors(RDKafkaApiKey::ListOffsets, &[error]);
        let client = client(&cluster);
        let abandoned = AtomicBool::new(false);
        let mut look = Look::new(&client, &abandoned);
        look.requests.ends([("t", 0), ("t", 1)].into_iter());
        look.until(0).unwrap();
        assert_eq!(look.ends["t"], offsets(&[(0, None), (1, None)]));
        assert_eq!(
            look.failures.told().as_deref(),
            Some(
                "the end of t/0 and 1 more could not be read: kafmesh-discover lacks the right \
                 `Describe` on topics"
            )
        );

        look.requests.ends([("t", 0)].into_iter());
        look.until(0).unwrap();
        assert_eq!(look.ends["t"], offsets(&[(0, Some(0)), (1, None)]));
    }
}
