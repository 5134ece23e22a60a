//! What Kafka says, as nodes, edges and properties.

use jiff::Timestamp;

use super::derive::{flag, named, texts, time, topic_node};
use super::{Graph, Label, NodeKey, Properties, Relation};
use crate::mesh::actual::{Actual, ActualGroup, Lag};
use crate::mesh::catalog::{Catalog, Object};
use crate::mesh::{key, lag};

/// How many groups that nothing declares are shown at most: tools that make up a new name each time leave
/// many behind.
const UNDECLARED: usize = 10_000;

impl Graph {
    /// Adds the cluster and its groups.
    pub(super) fn kafka(&mut self, catalog: &Catalog, actual: &Actual) {
        let mut cluster = named("Kafka", "");
        cluster.insert("stale", false.into());
        // Only then, so that a look that finds nothing new changes nothing.
        if actual.is_stale() {
            cluster.insert("readAt", time(actual.at));
        }
        self.nodes.insert(kafka_node(), cluster);
        if let Some(since) = actual.failing_since {
            self.kafka_fails(since);
        }

        let declared = catalog.groups();
        let (ours, mut others): (Vec<_>, Vec<_>) = actual
            .groups
            .iter()
            .partition(|(name, _)| declared.contains_key(name.as_str()));
        // Those that somebody is in come first.
        others.sort_by_key(|(_, group)| !group.is_alive());
        others.truncate(UNDECLARED);
        for (name, group) in ours.into_iter().chain(others) {
            let objects = declared.get(name.as_str());
            self.group(catalog, name, group, objects.map_or(&[], Vec::as_slice));
        }
    }

    /// Notes that what this has from Kafka may no longer be so since then, if it is not noted already.
    pub(crate) fn kafka_fails(&mut self, since: Timestamp) {
        let cluster = self.nodes.get_mut(&kafka_node());
        if let Some(cluster) = cluster.filter(|cluster| cluster.get("stale") != Some(&true.into()))
        {
            cluster.insert("stale", true.into());
            cluster.insert("failingSince", time(since));
        }
    }

    fn group(&mut self, catalog: &Catalog, name: &str, group: &ActualGroup, objects: &[&Object]) {
        let node = group_node(name);
        for object in objects {
            let stale = flag(object.presence.stale);
            self.edge(&object.node(), Relation::InGroup, None, node.clone(), stale);
        }
        for (topic, lag) in group.lag.iter().flatten() {
            if catalog.topics.contains_key(topic.as_str()) {
                let mut properties = Properties::new();
                insert_lag(&mut properties, *lag);
                self.edge(
                    &node,
                    Relation::Consumes,
                    None,
                    topic_node(topic),
                    properties,
                );
            }
        }
        let mut properties = named(name, "");
        properties.insert("state", group.state.as_str().into());
        properties.insert("declared", (!objects.is_empty()).into());
        if let Some(members) = group.members {
            properties.insert("members", i64::from(members).into());
        }
        self.nodes.insert(node, properties);
    }
}

/// What Kafka says of a topic that is declared; nothing when it does not say whether there is one.
pub(super) fn of_topic(properties: &mut Properties, topic: &str, actual: &Actual) {
    if actual.missing_topics.contains(topic) {
        properties.insert("missing", true.into());
    }
    if let Some(is) = actual.topics.get(topic) {
        properties.insert("missing", false.into());
        properties.insert("actualPartitions", i64::from(is.partitions).into());
        properties.insert("actualReplication", i64::from(is.replication).into());
    }
}

/// What Kafka says of an object's groups.
pub(super) fn of_object(properties: &mut Properties, object: &Object, actual: &Actual) {
    if let Some(lag) = lag::of_object(object, actual) {
        insert_lag(properties, lag);
    }
    let groups = object.groups.iter();
    let groups: Vec<&ActualGroup> = groups.filter_map(|name| actual.groups.get(name)).collect();
    if !groups.is_empty() {
        properties.insert(
            "groupStates",
            texts(groups.iter().map(|group| &*group.state)),
        );
    }
    let members = object.groups.iter().map(|group| members(group, actual));
    if let Some(members) = members.sum::<Option<i64>>()
        && !object.groups.is_empty()
    {
        properties.insert("members", members.into());
    }
}

/// How many members a group has; `None` when Kafka does not say.
fn members(group: &str, actual: &Actual) -> Option<i64> {
    match actual.groups.get(group) {
        Some(group) if !group.is_alive() => Some(0),
        Some(group) => group.members.map(i64::from),
        None => actual.missing_groups.contains(group).then_some(0),
    }
}

pub(super) fn insert_lag(properties: &mut Properties, lag: Lag) {
    properties.insert("lag", lag.records.into());
    properties.insert("uncommitted", lag.uncommitted.into());
    if lag.unknown > 0 {
        properties.insert("lagUnknown", lag.unknown.into());
    }
}

/// The node of a consumer group.
pub fn group_node(name: &str) -> NodeKey {
    NodeKey::new(Label::ConsumerGroup, key::of_one(name))
}

/// The node of the Kafka cluster.
pub fn kafka_node() -> NodeKey {
    NodeKey::new(Label::Kafka, "kafka")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::graph::{Edge, Property, Role};
    use crate::mesh::pod::Pods;
    use crate::mesh::sample::{self, actual, catalog, component, processor, service, sink};

    /// A processor of group `g`, a sink of group `h`, and what Kafka says.
    fn graph(actual: &Actual) -> Graph {
        let counter = component(&[], vec![processor("p", "g", "a", "b")]);
        let services = [
            service("s", counter, &[]),
            service("t", sink("b", "h"), &[]),
        ];
        Graph::new(&catalog(services), &Pods::new(), Some(actual))
    }

    /// The properties of the only edge of that kind from `from`.
    fn edge(graph: &Graph, relation: Relation, from: &NodeKey) -> Option<(NodeKey, Properties)> {
        let is = |edge: &Edge| edge.relation == relation && edge.from == *from;
        let mut found = graph.edges.iter().filter(|(edge, _)| is(edge));
        let (edge, properties) = found.next()?;
        assert!(found.next().is_none());
        Some((edge.to.clone(), properties.clone()))
    }

    #[test]
    fn groups_are_linked_with_their_objects_and_topics() {
        let mut actual = actual(&[("a", 1), ("c", 1)], &[("g", Some(2)), ("other", None)]);
        for (group, records) in [("g", 7), ("other", 9)] {
            let lag = Lag {
                records,
                uncommitted: 1,
                unknown: 0,
            };
            let lags = ["a", "c"].map(|topic| (topic.to_owned(), lag));
            actual.groups.get_mut(group).unwrap().lag = Some(lags.into());
        }
        let graph = graph(&actual);
        let (ours, other) = (group_node("g"), group_node("other"));
        assert_eq!(graph.nodes[&ours]["declared"], Property::Flag(true));
        assert_eq!(graph.nodes[&ours]["members"], Property::Number(2));
        assert_eq!(graph.nodes[&other]["declared"], Property::Flag(false));
        assert!(!graph.nodes[&other].contains_key("members"));
        assert!(!graph.nodes.contains_key(&group_node("h")), "not in Kafka");

        let processor = NodeKey::new(Label::Processor, "s/c/processor/p");
        let (group, _) = edge(&graph, Relation::InGroup, &processor).unwrap();
        assert_eq!(group, ours);
        // `c` is none of the mesh's topics.
        let behind = |records: i64| {
            let mut properties = Properties::new();
            insert_lag(
                &mut properties,
                Lag {
                    records,
                    uncommitted: 1,
                    unknown: 0,
                },
            );
            (topic_node("a"), properties)
        };
        assert_eq!(edge(&graph, Relation::Consumes, &ours), Some(behind(7)));
        assert_eq!(edge(&graph, Relation::Consumes, &other), Some(behind(9)));

        let read = Edge {
            from: processor,
            relation: Relation::Reads,
            role: Some(Role::Input),
            to: topic_node("a"),
        };
        assert_eq!(graph.edges[&read]["lag"], Property::Number(7));
        assert_eq!(graph.edges[&read]["uncommitted"], Property::Number(1));
    }

    #[test]
    fn an_object_has_members_where_kafka_says_so() {
        let members = |actual: &Actual| {
            let processor = NodeKey::new(Label::Processor, "s/c/processor/p");
            graph(actual).nodes[&processor].get("members").cloned()
        };
        let mut actual = actual(&[], &[]);
        assert_eq!(members(&actual), None);
        actual.missing_groups.insert("g".to_owned());
        assert_eq!(members(&actual), Some(Property::Number(0)));
        let listed = |count| sample::actual(&[], &[("g", count)]);
        assert_eq!(members(&listed(Some(2))), Some(Property::Number(2)));
        let mut unread = listed(None);
        assert_eq!(members(&unread), None);
        unread.groups.get_mut("g").unwrap().state = "Empty".to_owned();
        assert_eq!(members(&unread), Some(Property::Number(0)));
    }

    #[test]
    fn the_groups_that_nothing_declares_are_bounded_and_those_that_run_come_first() {
        let names: Vec<String> = (0..UNDECLARED).map(|n| format!("left-{n}")).collect();
        let mut groups: Vec<(&str, Option<u32>)> =
            names.iter().map(|name| (name.as_str(), Some(0))).collect();
        groups.extend([("runs", Some(1)), ("g", Some(0)), ("h", Some(0))]);
        let graph = graph(&actual(&[], &groups));
        let shown = graph.nodes.keys();
        let shown = shown.filter(|node| node.label == Label::ConsumerGroup);
        assert_eq!(shown.count(), UNDECLARED + 2);
        for name in ["runs", "g", "h"] {
            assert!(graph.nodes.contains_key(&group_node(name)), "{name}");
        }
    }

    #[test]
    fn an_outage_shows_with_when_kafka_was_read_last() {
        let mut actual = actual(&[("a", 1)], &[]);
        let read = graph(&actual);
        assert_eq!(read.nodes[&kafka_node()]["stale"], Property::Flag(false));
        assert!(!read.nodes[&kafka_node()].contains_key("readAt"));
        actual.failing_since = Some(actual.at);
        let cluster = &graph(&actual).nodes[&kafka_node()];
        assert_eq!(cluster["stale"], Property::Flag(true));
        assert_eq!(cluster["readAt"], time(actual.at));
    }

    #[test]
    fn of_a_topic_that_kafka_does_not_tell_of_nothing_is_said() {
        let mut actual = actual(&[("b", 1)], &[]);
        actual.missing_topics.insert("g-table".to_owned());
        let nodes = graph(&actual).nodes;
        assert!(!nodes[&topic_node("a")].contains_key("missing"));
        assert_eq!(nodes[&topic_node("b")]["missing"], Property::Flag(false));
        let missing = &nodes[&topic_node("g-table")];
        assert_eq!(missing["missing"], Property::Flag(true));
    }
}
