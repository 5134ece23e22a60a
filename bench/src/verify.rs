//! Whether a contender did its work: every record once, in order, with the right result.

use std::fmt;
use std::hash::Hasher as _;

use prost::Message as _;

use crate::definitions::models::{TotalClicks, TotalClicksState};
use crate::workload::{self, Workload};

/// How many problems are shown; the rest is counted.
const SHOWN: usize = 5;

/// What is wrong with a topic.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    count: u64,
    shown: Vec<String>,
}

impl Problems {
    fn add(&mut self, problem: impl FnOnce() -> String) {
        self.count += 1;
        if self.shown.len() < SHOWN {
            self.shown.push(problem());
        }
    }

    /// `Ok` when there are none.
    pub(crate) fn into_result(self) -> Result<(), Self> {
        if self.count == 0 { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} problems, such as: {}",
            self.count,
            self.shown.join("; ")
        )
    }
}

impl std::error::Error for Problems {}

/// What a topic holds: per key the number of its records and a checksum over them in their order.
#[derive(Debug, Clone)]
pub(crate) struct Contents {
    workload: Workload,
    keys: Vec<KeyContents>,
    records: u64,
    strange: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct KeyContents {
    records: u64,
    checksum: u64,
    /// Of the last record; all of a key's are in one.
    partition: i32,
}

impl Contents {
    /// An empty topic.
    pub(crate) fn new(workload: Workload) -> Self {
        Self {
            workload,
            keys: vec![KeyContents::default(); workload.keys as usize],
            records: 0,
            strange: 0,
        }
    }

    /// Adds the next record of `partition`.
    pub(crate) fn add(&mut self, partition: i32, key: &[u8], value: &[u8]) {
        self.records += 1;
        let Some(number) = self.workload.number(key) else {
            self.strange += 1;
            return;
        };
        let contents = &mut self.keys[number];
        let mut hasher = std::hash::DefaultHasher::new();
        // The checksum so far, and where the record is: order and partition count too.
        hasher.write_u64(contents.checksum);
        hasher.write_i32(partition);
        hasher.write(value);
        *contents = KeyContents {
            records: contents.records + 1,
            checksum: hasher.finish(),
            partition,
        };
    }

    /// Checks that the topic holds what was to be loaded.
    pub(crate) fn check_loaded(&self) -> Result<(), Problems> {
        let mut expected = Self::new(self.workload);
        for record in 0..self.workload.records {
            let number = self.workload.key(record);
            let partition = self.keys[number as usize].partition;
            expected.add(
                partition,
                workload::key_text(number).as_bytes(),
                &workload::value(record),
            );
        }
        self.check_same(&expected)
    }

    /// Checks that every record of `expected` is here once, unchanged, in the same partition and order.
    pub(crate) fn check_same(&self, expected: &Self) -> Result<(), Problems> {
        let mut problems = Problems::default();
        if self.records != expected.records {
            problems.add(|| format!("{} records instead of {}", self.records, expected.records));
        }
        if self.strange > 0 {
            problems.add(|| format!("{} records with keys that nobody sent", self.strange));
        }
        for (number, (found, expected)) in (0..).zip(self.keys.iter().zip(&expected.keys)) {
            if found != expected {
                let key = workload::key_text(number);
                problems.add(|| {
                    format!(
                        "{key} has {} records, expected {}, or others",
                        found.records, expected.records
                    )
                });
            }
        }
        problems.into_result()
    }
}

/// The output and the changelog of a count.
#[derive(Debug)]
pub(crate) struct Counts<'a> {
    expected: &'a Contents,
    outputs: Vec<u64>,
    states: Vec<u64>,
    problems: Problems,
}

impl<'a> Counts<'a> {
    /// To be compared with the input in `expected`.
    pub(crate) fn new(expected: &'a Contents) -> Self {
        let none = vec![0; expected.keys.len()];
        Self {
            expected,
            outputs: none.clone(),
            states: none,
            problems: Problems::default(),
        }
    }

    /// Adds the next record of the output: a key's counts are 1, 2, 3 and so on.
    pub(crate) fn output(&mut self, key: &[u8], value: &[u8]) {
        let Some((number, count)) =
            self.read(key, TotalClicks::decode(value).map(|total| total.count))
        else {
            return;
        };
        let expected = self.outputs[number] + 1;
        self.outputs[number] = count;
        if count != expected {
            self.problems.add(|| {
                format!(
                    "output {count} of {} follows {}",
                    workload::key_text(number as u64),
                    expected - 1
                )
            });
        }
    }

    /// Adds the next record of the changelog: a later state of a key replaces an earlier one.
    pub(crate) fn state(&mut self, key: &[u8], value: &[u8]) {
        if let Some((number, count)) = self.read(
            key,
            TotalClicksState::decode(value).map(|state| state.count),
        ) {
            self.states[number] = count;
        }
    }

    fn read(&mut self, key: &[u8], count: Result<u64, prost::DecodeError>) -> Option<(usize, u64)> {
        match (self.expected.workload.number(key), count) {
            (Some(number), Ok(count)) => Some((number, count)),
            (None, _) => {
                self.problems
                    .add(|| format!("nobody sent the key {}", key.escape_ascii()));
                None
            }
            (_, Err(error)) => {
                self.problems
                    .add(|| format!("the value of {} is no count: {error}", key.escape_ascii()));
                None
            }
        }
    }

    /// Checks that every key's last output and last state are the number of its records.
    pub(crate) fn check(mut self) -> Result<(), Problems> {
        for (number, expected) in (0..).zip(&self.expected.keys) {
            for (what, found) in [
                ("output", self.outputs[number]),
                ("state", self.states[number]),
            ] {
                if found != expected.records {
                    self.problems.add(|| {
                        let key = workload::key_text(number as u64);
                        format!(
                            "the last {what} of {key} is {found}, expected {}",
                            expected.records
                        )
                    });
                }
            }
        }
        self.problems.into_result()
    }
}

/// The output of a join.
pub(crate) struct Joined<'a, F> {
    expected: &'a Contents,
    /// What the table holds under a key.
    entry: F,
    outputs: Vec<u64>,
    problems: Problems,
}

impl<'a, F: Fn(u64) -> u64> Joined<'a, F> {
    /// To be compared with the input in `expected`.
    pub(crate) fn new(expected: &'a Contents, entry: F) -> Self {
        Self {
            expected,
            entry,
            outputs: vec![0; expected.keys.len()],
            problems: Problems::default(),
        }
    }

    /// Adds the next record of the output.
    pub(crate) fn output(&mut self, key: &[u8], value: &[u8]) {
        let number = self.expected.workload.number(key);
        let count = TotalClicksState::decode(value).map(|state| state.count);
        match (number, count) {
            (Some(number), Ok(count)) if count == (self.entry)(number as u64) => {
                self.outputs[number] += 1;
            }
            (_, found) => self
                .problems
                .add(|| format!("{} was joined with {found:?}", key.escape_ascii())),
        }
    }

    /// Checks that every key has as many outputs as inputs.
    pub(crate) fn check(mut self) -> Result<(), Problems> {
        for (number, (outputs, expected)) in (0..).zip(self.outputs.iter().zip(&self.expected.keys))
        {
            if *outputs != expected.records {
                self.problems.add(|| {
                    format!(
                        "{} has {outputs} outputs, expected {}",
                        workload::key_text(number),
                        expected.records
                    )
                });
            }
        }
        self.problems.into_result()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKLOAD: Workload = Workload {
        records: 500,
        keys: 20,
    };

    /// Every record of the workload: number, key and partition, in the order a topic would hold them.
    fn records() -> impl Iterator<Item = (u64, u64, i32)> {
        (0..WORKLOAD.records).map(|record| {
            (
                record,
                WORKLOAD.key(record),
                (WORKLOAD.key(record) % 4) as i32,
            )
        })
    }

    fn contents(records: impl Iterator<Item = (u64, u64, i32)>) -> Contents {
        let mut contents = Contents::new(WORKLOAD);
        for (record, key, partition) in records {
            contents.add(
                partition,
                workload::key_text(key).as_bytes(),
                &workload::value(record),
            );
        }
        contents
    }

    /// Counts the workload, and lets `change` tamper with outputs and states before they are checked.
    fn check_counts(
        change: impl FnOnce(&mut Vec<(u64, u64)>, &mut Vec<(u64, u64)>),
    ) -> Result<(), String> {
        let expected = contents(records());
        let mut totals = [0; WORKLOAD.keys as usize];
        let mut outputs = Vec::new();
        for (_, key, _) in records() {
            totals[key as usize] += 1;
            outputs.push((key, totals[key as usize]));
        }
        // A changelog has fewer records than the output.
        let mut states: Vec<_> = outputs
            .iter()
            .copied()
            .enumerate()
            .filter(|(at, _)| at % 3 == 0)
            .map(|(_, state)| state)
            .collect();
        states.extend((0..).zip(totals));
        change(&mut outputs, &mut states);
        let mut counts = Counts::new(&expected);
        for (key, count) in outputs {
            counts.output(
                workload::key_text(key).as_bytes(),
                &TotalClicks { count }.encode_to_vec(),
            );
        }
        for (key, count) in states {
            counts.state(
                workload::key_text(key).as_bytes(),
                &TotalClicksState { count }.encode_to_vec(),
            );
        }
        counts.check().map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_copy_is_the_same() {
        let original = contents(records());
        original.check_loaded().unwrap();
        // Other partitions may come in between.
        let mut sorted: Vec<_> = records().collect();
        sorted.sort_by_key(|(record, _, partition)| (*partition, *record));
        contents(sorted.into_iter()).check_same(&original).unwrap();
    }

    #[test]
    fn lost_doubled_swapped_moved_and_strange_records_are_noticed() {
        let original = contents(records());
        let all: Vec<_> = records().collect();
        let second = all
            .iter()
            .rposition(|(record, key, _)| *key == all[0].1 && *record > 0)
            .unwrap();
        type Change<'a> = &'a dyn Fn(&mut Vec<(u64, u64, i32)>);
        let changes: [(&str, Change<'_>); 5] = [
            ("lost", &|records| records.truncate(499)),
            ("doubled", &|records| records.insert(3, records[3])),
            ("swapped", &|records| records.swap(0, second)),
            ("moved", &|records| records[3].2 += 1),
            ("strange", &|records| records[3].1 = WORKLOAD.keys),
        ];
        for (name, change) in changes {
            let mut changed = all.clone();
            change(&mut changed);
            assert!(
                contents(changed.into_iter()).check_same(&original).is_err(),
                "{name}"
            );
        }
    }

    #[test]
    fn right_counts_pass() {
        check_counts(|_, _| {}).unwrap();
    }

    #[test]
    fn wrong_counts_are_named() {
        let error = check_counts(|outputs, _| outputs.truncate(499)).unwrap_err();
        assert!(
            error.contains("1 problems") && error.contains("the last output of user-"),
            "{error}"
        );
        let error = check_counts(|outputs, _| outputs.insert(7, outputs[7])).unwrap_err();
        assert!(error.contains("follows"), "{error}");
        let error = check_counts(|_, states| states.retain(|(key, _)| *key != 19)).unwrap_err();
        assert!(error.contains("the last state of user-000019"), "{error}");
        let error = check_counts(|_, states| states.push((WORKLOAD.keys, 1))).unwrap_err();
        assert!(error.contains("nobody sent the key user-000020"), "{error}");
    }

    #[test]
    fn wrong_joins_are_named() {
        let input = contents(records());
        let correct: Vec<_> = records().map(|(_, key, _)| (key, key + 1)).collect();
        let check = |outputs: &[(u64, u64)]| {
            let mut joined = Joined::new(&input, |key| key + 1);
            for &(key, count) in outputs {
                let value = TotalClicksState { count }.encode_to_vec();
                joined.output(workload::key_text(key).as_bytes(), &value);
            }
            joined.check().map_err(|problems| problems.to_string())
        };
        check(&correct).unwrap();
        let error = check(&correct[..499]).unwrap_err();
        assert!(error.contains("outputs, expected"), "{error}");
        assert!(check(&[&correct[..], &correct[..1]].concat()).is_err());

        let mut wrong = correct.clone();
        wrong[3].1 += 1;
        let error = check(&wrong).unwrap_err();
        assert!(error.contains("was joined with"), "{error}");
        let mut wrong = correct;
        wrong[3].0 = WORKLOAD.keys;
        assert!(check(&wrong).is_err());
    }
}
