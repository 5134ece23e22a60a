//! The partitions a member has of its group, by number.
//!
//! Partition *n* of every input is handled by one task, so the unit that starts and stops is the
//! number, whatever the group's events are about. Under the protocol `consumer` (KIP-848) the inputs
//! of a number may arrive in several events, and one of them may go while another stays.

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::TopicPartition;

/// Numbers of partitions.
pub(super) type Numbers = BTreeSet<i32>;

/// What a member has.
pub(super) struct Owned {
    /// The partition count of every input.
    counts: Vec<(&'static str, i32)>,
    by_number: BTreeMap<i32, BTreeSet<TopicPartition>>,
}

impl Owned {
    /// Nothing; `counts` are the partition counts of the inputs.
    pub(super) fn new(counts: impl IntoIterator<Item = (&'static str, i32)>) -> Self {
        Self {
            counts: counts.into_iter().collect(),
            by_number: BTreeMap::new(),
        }
    }

    /// `partitions` came; their numbers.
    pub(super) fn add(&mut self, partitions: &[TopicPartition]) -> Numbers {
        for at in partitions {
            let of_number = self.by_number.entry(at.partition).or_default();
            of_number.insert(at.clone());
        }
        numbers(partitions)
    }

    /// `partitions` went; their numbers.
    pub(super) fn remove(&mut self, partitions: &[TopicPartition]) -> Numbers {
        for at in partitions {
            if let Some(of_number) = self.by_number.get_mut(&at.partition) {
                of_number.remove(at);
            }
        }
        self.by_number.retain(|_, of_number| !of_number.is_empty());
        numbers(partitions)
    }

    /// The numbers of which there is anything.
    pub(super) fn numbers(&self) -> Numbers {
        self.by_number.keys().copied().collect()
    }

    /// Whether every input that has a partition of that number is here.
    pub(super) fn is_complete(&self, number: i32) -> bool {
        let Some(of_number) = self.by_number.get(&number) else {
            return false;
        };
        let mut needed = self.counts.iter().filter(|(_, count)| number < *count);
        needed.all(|(topic, _)| of_number.iter().any(|at| *at.topic == **topic))
    }

    /// What there is of `numbers`.
    pub(super) fn of(&self, numbers: &Numbers) -> Vec<TopicPartition> {
        let of = |number| self.by_number.get(number).into_iter().flatten().cloned();
        numbers.iter().flat_map(of).collect()
    }
}

fn numbers(partitions: &[TopicPartition]) -> Numbers {
    partitions.iter().map(|at| at.partition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(topic: &str, partition: i32) -> TopicPartition {
        TopicPartition {
            topic: topic.into(),
            partition,
        }
    }

    fn complete(owned: &Owned) -> Vec<i32> {
        let numbers = owned.numbers().into_iter();
        numbers
            .filter(|number| owned.is_complete(*number))
            .collect()
    }

    #[test]
    fn a_number_is_complete_with_all_inputs_that_have_it() {
        let mut owned = Owned::new([("a", 4), ("b", 4), ("c", 2)]);
        assert_eq!(
            owned.add(&[at("a", 0), at("a", 3), at("c", 0)]),
            [0, 3].into()
        );
        assert!(complete(&owned).is_empty());
        assert_eq!(owned.add(&[at("b", 3)]), [3].into());
        assert_eq!(complete(&owned), [3], "c has no partition 3");
        owned.add(&[at("b", 0)]);
        assert_eq!(complete(&owned), [0, 3]);
        assert_eq!(
            owned.of(&[0, 1].into()),
            [at("a", 0), at("b", 0), at("c", 0)]
        );

        assert_eq!(owned.remove(&[at("b", 0)]), [0].into());
        assert_eq!(complete(&owned), [3]);
        assert_eq!(owned.of(&[0].into()), [at("a", 0), at("c", 0)]);
        owned.remove(&[at("a", 0), at("c", 0), at("a", 3), at("b", 3)]);
        assert_eq!(owned.numbers(), [].into());
    }

    #[test]
    fn partitions_that_were_added_since_the_start_are_handled_as_they_come() {
        let mut owned = Owned::new([("a", 2), ("b", 2)]);
        owned.add(&[at("a", 2)]);
        assert_eq!(complete(&owned), [2]);
        assert_eq!(owned.add(&[at("b", 2)]), [2].into(), "its task starts anew");
    }
}
