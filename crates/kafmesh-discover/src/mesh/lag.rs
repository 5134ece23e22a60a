//! How far objects are behind in what they read.

use std::ops::Add;

use super::actual::{Actual, Lag};
use super::catalog::{Object, Read};
use super::graph::Role;

/// How far the object is behind in all the topics it consumes through its group; `None` when it has none
/// of both in Kafka.
pub fn of_object(object: &Object, actual: &Actual) -> Option<Lag> {
    let reads = object.reads.iter();
    reads
        .filter_map(|read| of_read(object, read, actual))
        .reduce(Lag::add)
}

/// How far the object is behind in one of the topics it consumes through its group: the inputs of a
/// processor, and the topic of a sink. A group that has never committed has everything before it.
pub fn of_read(object: &Object, read: &Read, actual: &Actual) -> Option<Lag> {
    if !matches!(read.role, Role::Input | Role::Sink) {
        return None;
    }
    let groups = object.groups.iter();
    groups
        .filter_map(|group| of_group(group, &read.topic, actual))
        .reduce(Lag::add)
}

fn of_group(group: &str, topic: &str, actual: &Actual) -> Option<Lag> {
    let is = actual.topics.get(topic);
    match actual.groups.get(group).map(|group| &group.lag) {
        None if actual.missing_groups.contains(group) => is.map(Lag::of_no_commits),
        None | Some(None) => is.map(Lag::unknown),
        Some(Some(lags)) => lags
            .get(topic)
            .copied()
            .or_else(|| is.map(Lag::of_no_commits)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::actual::ActualTopic;
    use crate::mesh::catalog::Catalog;
    use crate::mesh::sample::{self, catalog, component, processor, service, used};

    /// The lags of a processor of group `g` with inputs `a` and `b`: by input, and as a whole.
    fn lags(catalog: &Catalog, actual: &Actual) -> (Vec<Option<Lag>>, Option<Lag>) {
        let processor = catalog.objects.values().find(|object| object.name == "p");
        let processor = processor.unwrap();
        let inputs = processor.reads.iter();
        let inputs = inputs.filter(|read| read.role == Role::Input);
        let inputs = inputs.map(|read| of_read(processor, read, actual));
        (inputs.collect(), of_object(processor, actual))
    }

    fn behind(records: i64, uncommitted: usize, unknown: usize) -> Option<Lag> {
        Some(Lag {
            records,
            uncommitted,
            unknown,
        })
    }

    #[test]
    fn lag_is_told_by_input_and_as_a_whole() {
        let mut processor = processor("p", "g", "a", "out");
        processor.inputs.push(used("b"));
        processor.joins.push(used("c"));
        let service = service("s", component(&[], vec![processor]), &[]);
        let catalog = catalog([service]);
        let mut actual = sample::actual(&[("a", 3), ("c", 3)], &[]);
        let topic = ActualTopic {
            with_records: 2,
            unknown: 1,
            ..actual.topics["a"].clone()
        };
        actual.topics.insert("a".to_owned(), topic);

        // Kafka does not tell of the group, and has no topic `b`.
        let unread = behind(0, 0, 3);
        assert_eq!(lags(&catalog, &actual), (vec![unread, None], unread));

        actual.missing_groups.insert("g".to_owned());
        let all = behind(0, 2, 1);
        assert_eq!(lags(&catalog, &actual), (vec![all, None], all));

        actual.groups = sample::actual(&[], &[("g", Some(1))]).groups;
        assert_eq!(lags(&catalog, &actual), (vec![all, None], all));

        let group = actual.groups.get_mut("g").unwrap();
        let committed = ["a", "c", "g-table"].map(|topic| {
            let lag = Lag {
                records: 7,
                ..Lag::default()
            };
            (topic.to_owned(), lag)
        });
        group.lag = Some(committed.into());
        let seven = behind(7, 0, 0);
        assert_eq!(lags(&catalog, &actual), (vec![seven, None], seven));

        let topic = actual.topics["a"].clone();
        actual.topics.insert("b".to_owned(), topic);
        assert_eq!(lags(&catalog, &actual), (vec![seven, all], behind(7, 2, 1)));

        actual.groups.get_mut("g").unwrap().lag = None;
        assert_eq!(
            lags(&catalog, &actual),
            (vec![unread, unread], behind(0, 0, 6))
        );
    }
}
