//! One look at a cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;

use super::TIMEOUT;
use super::requests::{Answer, Position, Requests};
use crate::mesh::actual::{Actual, ActualGroup, ActualTopic, Lag};

/// How many requests are under way at a time: enough that their latencies overlap.
const AT_ONCE: usize = 64;

/// How late it may be noticed that nobody waits any more.
const NOTICE: Duration = Duration::from_millis(100);

/// How many partitions are asked for in one request.
const PARTITIONS: usize = 10_000;

/// The end offset of each partition, by topic.
type Ends = HashMap<String, BTreeMap<i32, i64>>;

/// Reads all topics and groups. A group whose offsets cannot be read is shown without lag.
///
/// # Errors
///
/// When no broker answers, and when the answers come too late.
pub(super) fn look(
    client: &AdminClient<DefaultClientContext>,
    abandoned: &AtomicBool,
) -> Result<Actual, String> {
    let at = Timestamp::now();
    let mut topics = topics(client)?;
    let mut look = Look {
        requests: Requests::new(client, TIMEOUT),
        abandoned,
        listed: Vec::new(),
        members: HashMap::new(),
        committed: HashMap::new(),
        ends: Ends::new(),
        failed: None,
    };
    look.requests.groups();
    look.until(0)?;
    if let Some(why) = look.failed.take() {
        return Err(why);
    }
    let names: Vec<String> = look.listed.iter().map(|(name, _)| name.clone()).collect();
    let partitions: Vec<(&str, i32)> = topics
        .iter()
        .flat_map(|(name, topic)| (0..topic.partitions).map(move |number| (name.as_str(), number)))
        .collect();
    for some in partitions.chunks(PARTITIONS) {
        look.requests.ends(some.iter().copied());
        look.until(AT_ONCE)?;
    }
    for some in names.chunks(AT_ONCE) {
        look.requests
            .members(&some.iter().map(String::as_str).collect::<Vec<_>>());
        look.until(AT_ONCE)?;
    }
    for (number, name) in names.iter().enumerate() {
        look.requests.committed(number, name);
        look.until(AT_ONCE)?;
    }
    look.until(0)?;
    for (name, topic) in &mut topics {
        topic.end = look.ends.get(name).map(|ends| ends.values().sum());
    }
    let groups = look.groups();
    Ok(Actual { at, topics, groups })
}

/// What has been answered so far.
struct Look<'a> {
    requests: Requests<'a>,
    abandoned: &'a AtomicBool,
    /// Groups and their states.
    listed: Vec<(String, String)>,
    members: HashMap<String, usize>,
    committed: HashMap<usize, Vec<Position>>,
    ends: Ends,
    /// Why the last request that failed did.
    failed: Option<String>,
}

impl Look<'_> {
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
                self.failed = errors.into_iter().next();
            }
            Answer::Members(members) => self.members.extend(members),
            Answer::Committed(number, positions) => {
                self.committed.insert(number, positions);
            }
            Answer::Ends(positions) => {
                for position in positions {
                    self.ends
                        .entry(position.topic)
                        .or_default()
                        .insert(position.partition, position.offset);
                }
            }
            Answer::Failed(why) => {
                tracing::debug!("a request to Kafka failed: {why}");
                self.failed = Some(why);
            }
        }
    }

    fn groups(mut self) -> BTreeMap<String, ActualGroup> {
        let listed = std::mem::take(&mut self.listed);
        let mut groups = BTreeMap::new();
        for (number, (name, state)) in listed.into_iter().enumerate() {
            let members = self.members.remove(&name);
            let lag = self
                .committed
                .remove(&number)
                .map(|committed| lag(&committed, &self.ends));
            groups.insert(
                name,
                ActualGroup {
                    state,
                    members: members.and_then(|count| u32::try_from(count).ok()),
                    lag: lag.unwrap_or_default(),
                },
            );
        }
        groups
    }
}

/// How far a group is behind, by topic.
fn lag(committed: &[Position], ends: &Ends) -> BTreeMap<String, Lag> {
    let mut lags: BTreeMap<String, Lag> = BTreeMap::new();
    let mut seen: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for position in committed {
        let Some(end) = ends
            .get(&position.topic)
            .and_then(|ends| ends.get(&position.partition))
        else {
            continue;
        };
        let lag = lags.entry(position.topic.clone()).or_default();
        lag.records += (end - position.offset).max(0);
        seen.entry(&position.topic)
            .or_default()
            .insert(position.partition);
    }
    for (topic, partitions) in seen {
        if let (Some(lag), Some(ends)) = (lags.get_mut(topic), ends.get(topic)) {
            // An empty partition has nothing to commit.
            lag.uncommitted = ends
                .iter()
                .filter(|(number, end)| **end > 0 && !partitions.contains(number))
                .count();
        }
    }
    lags
}

/// The topics there are, without the ends of their partitions and without internal ones.
fn topics(
    client: &AdminClient<DefaultClientContext>,
) -> Result<BTreeMap<String, ActualTopic>, String> {
    let metadata = client
        .inner()
        .fetch_metadata(None, TIMEOUT)
        .map_err(|error| format!("topics cannot be read: {error}"))?;
    let topics = metadata
        .topics()
        .iter()
        .filter(|topic| !topic.name().starts_with("__"))
        .map(|topic| {
            let partitions = topic.partitions();
            let replication = partitions.iter().map(|one| one.replicas().len()).min();
            let topic_facts = ActualTopic {
                partitions: i32::try_from(partitions.len()).unwrap_or(i32::MAX),
                replication: replication
                    .and_then(|count| i32::try_from(count).ok())
                    .unwrap_or_default(),
                end: None,
            };
            (topic.name().to_owned(), topic_facts)
        });
    Ok(topics.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(topic: &str, partition: i32, offset: i64) -> Position {
        Position {
            topic: topic.to_owned(),
            partition,
            offset,
        }
    }

    #[test]
    fn lag_is_what_lies_between_commits_and_ends() {
        let ends = Ends::from([
            (
                "a".to_owned(),
                BTreeMap::from([(0, 10), (1, 5), (2, 0), (3, 7)]),
            ),
            ("b".to_owned(), BTreeMap::from([(0, 3)])),
        ]);
        let committed = [
            position("a", 0, 4),
            // A topic that was created anew ends before what was committed in the old one.
            position("a", 1, 9),
            position("gone", 0, 9),
            position("b", 0, 3),
        ];
        assert_eq!(
            lag(&committed, &ends),
            BTreeMap::from([
                (
                    "a".to_owned(),
                    Lag {
                        records: 6,
                        uncommitted: 1
                    }
                ),
                (
                    "b".to_owned(),
                    Lag {
                        records: 0,
                        uncommitted: 0
                    }
                ),
            ])
        );
    }
}
