//! Up to four processes that come and go while records flow, under both protocols of groups.
//!
//! `cargo test … members -- --nocapture` prints what was lost, what was doubled, and the pauses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafmesh_runtime_tests::kafka::{self, GroupWatch, Put, Writer};
use kafmesh_runtime_tests::{Pauses, Shape};
use tempfile::TempDir;

use crate::support::{Counter, unique};

const PARTITIONS: i32 = 12;
const INPUTS: [&str; 2] = ["clicks", "taps"];
/// Enough that every partition gets records every time all keys are written.
const KEYS: u64 = 240;
const EVERY: Duration = Duration::from_millis(100);
/// How long records flow between two changes of the group.
const BETWEEN: Duration = Duration::from_secs(1);

/// Four places for a process, and what those that are over have said.
struct Members {
    shape: Shape,
    protocol: &'static str,
    states: [TempDir; 4],
    running: [Option<Counter>; 4],
    said: Vec<String>,
}

impl Members {
    async fn start(&mut self, place: usize) {
        let variables = [
            ("KAFMESH_KAFKA_GROUP_PROTOCOL", self.protocol),
            ("COUNTER_JOIN", "owners"),
        ];
        let mut counter = Counter::start(&self.shape, self.states[place].path(), &variables);
        counter.says("first record").await;
        self.running[place] = Some(counter);
        tokio::time::sleep(BETWEEN).await;
    }

    async fn stop(&mut self, place: usize) {
        let (status, output) = self.running[place].take().unwrap().terminate().await;
        assert!(status.success(), "{status}:\n{output}");
        self.said.push(output);
        tokio::time::sleep(BETWEEN).await;
    }

    async fn kill(&mut self, place: usize) {
        let counter = self.running[place].take().unwrap();
        self.said.push(counter.output());
        counter.kill();
        tokio::time::sleep(BETWEEN).await;
    }
}

/// Writes every key to every input, again and again.
struct Flow {
    done: Arc<AtomicBool>,
    writing: std::thread::JoinHandle<u64>,
}

impl Flow {
    fn start(shape: &Shape) -> Self {
        let done = Arc::<AtomicBool>::default();
        let (until, shape) = (Arc::clone(&done), shape.clone());
        let writing = std::thread::spawn(move || {
            let writer = Writer::new();
            let mut rounds = 0;
            while !until.load(Ordering::Relaxed) {
                for key in 0..KEYS {
                    put(&writer, &shape, &INPUTS, key);
                }
                writer.finish();
                rounds += 1;
                std::thread::sleep(EVERY);
            }
            rounds
        });
        Self { done, writing }
    }

    /// How often it wrote every key to each input.
    fn stop(self) -> u64 {
        self.done.store(true, Ordering::Relaxed);
        self.writing.join().unwrap()
    }
}

fn put(writer: &Writer, shape: &Shape, topics: &[&str], key: u64) {
    let key = format!("k{key}");
    for topic in topics {
        let record = Put {
            key: Some(key.as_bytes()),
            value: Some(&[8, 1]),
            ..Put::default()
        };
        writer.put(&shape.topic(topic), record);
    }
}

/// What became of the records.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counted {
    /// Missing in the final state.
    lost: u64,
    /// In the final state once too often.
    doubled: u64,
    /// Handled again, with an output that is there twice.
    repeated: u64,
}

/// Runs `changes` under load.
async fn under_load(
    name: &str,
    protocol: &'static str,
    changes: impl AsyncFnOnce(&mut Members),
) -> Counted {
    let shape = Shape {
        inputs: INPUTS.into(),
        joins: vec!["owners"],
        ..Shape::counter(unique(name), PARTITIONS)
    };
    let compacted = [("cleanup.policy", "compact")];
    kafka::create(&shape.topic("owners"), PARTITIONS, &compacted).await;
    for topic in INPUTS {
        kafka::create(&shape.topic(topic), PARTITIONS, &[]).await;
    }
    kafka::create(&shape.topic("totals"), PARTITIONS, &compacted).await;
    let writer = Writer::new();
    (0..KEYS).for_each(|key| put(&writer, &shape, &["owners"], key));
    writer.finish();

    let mut members = Members {
        protocol,
        states: std::array::from_fn(|_| tempfile::tempdir().unwrap()),
        running: Default::default(),
        said: Vec::new(),
        shape: shape.clone(),
    };
    let flow = Flow::start(&shape);
    members.start(0).await;
    let pauses = Pauses::watch(&shape.topic("totals"), PARTITIONS);
    for place in 1..4 {
        members.start(place).await;
    }
    changes(&mut members).await;
    let rounds = flow.stop();
    for topic in INPUTS {
        let group = GroupWatch::new(&shape.group(), &shape.topic(topic), PARTITIONS);
        group.caught_up().await;
    }
    let longest = pauses.longest();
    for counter in members.running.into_iter().flatten() {
        let (status, output) = counter.terminate().await;
        assert!(status.success(), "{status}:\n{output}");
        members.said.push(output);
    }

    for said in &members.said {
        assert_together(said);
    }
    let truth = rounds * INPUTS.len() as u64;
    let counts = kafka::last_counts(&shape.changelog());
    assert_eq!(kafka::last_counts(&shape.topic("totals")), counts);
    let expected: BTreeSet<_> = (0..KEYS).map(|key| format!("k{key}")).collect();
    assert!(counts.keys().eq(&expected), "{counts:?}");
    let lost = counts
        .values()
        .map(|count| truth.saturating_sub(*count))
        .sum();
    let doubled = counts
        .values()
        .map(|count| count.saturating_sub(truth))
        .sum();
    let outputs = kafka::read(&shape.topic("totals")).len() as u64;
    let counted = Counted {
        lost,
        doubled,
        repeated: outputs - truth * KEYS,
    };
    println!(
        "{name}, {protocol}: {} records, {counted:?}, longest pause of a partition {:.1} s",
        truth * KEYS,
        longest.as_secs_f64()
    );
    counted
}

/// After each change, a member has the same partitions of every input.
fn assert_together(said: &str) {
    let mut held = BTreeMap::<&str, BTreeSet<&str>>::new();
    for line in said.lines() {
        let Some((before, listed)) = line.split_once(" partitions=") else {
            continue;
        };
        for at in listed.split(", ").filter(|at| !at.is_empty()) {
            let (topic, partition) = at.rsplit_once('/').unwrap();
            let (_, input) = topic.rsplit_once('.').unwrap();
            let of_input = held.entry(input).or_default();
            if before.contains("partitions assigned") {
                of_input.insert(partition);
            } else {
                of_input.remove(partition);
            }
        }
        let mut inputs = INPUTS.iter().map(|input| held.get(input));
        let first = inputs.next().unwrap();
        assert!(inputs.all(|other| other == first), "{line}:\n{said}");
    }
    assert!(!held.is_empty(), "{said}");
}

async fn come_and_go(members: &mut Members) {
    members.stop(1).await;
    members.stop(0).await;
    members.start(1).await;
    members.stop(3).await;
    members.start(0).await;
    members.start(3).await;
}

async fn die_and_come_back(members: &mut Members) {
    members.kill(1).await;
    members.start(1).await;
    members.kill(0).await;
    members.kill(3).await;
    members.start(0).await;
    members.stop(2).await;
    members.start(3).await;
}

#[tokio::test]
async fn members_that_come_and_go_count_every_record_once() {
    let counted = under_load("comego", "classic", come_and_go).await;
    assert_eq!(counted, Counted::default());
}

#[tokio::test]
async fn so_they_do_under_the_protocol_consumer() {
    let counted = under_load("comego848", "consumer", come_and_go).await;
    assert_eq!(counted, Counted::default());
}

#[tokio::test]
async fn members_that_are_killed_lose_nothing() {
    let counted = under_load("killed", "classic", die_and_come_back).await;
    assert_eq!(counted.lost, 0);
}

#[tokio::test]
async fn nor_do_they_under_the_protocol_consumer() {
    let counted = under_load("killed848", "consumer", die_and_come_back).await;
    assert_eq!(counted.lost, 0);
}
