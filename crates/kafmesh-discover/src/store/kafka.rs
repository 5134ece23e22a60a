//! What a store knows from Kafka, which stays while Kafka was not read yet.

use std::sync::Arc;

use crate::mesh::actual::Unread;
use crate::mesh::graph::{Graph, Label, Properties, Relation};

/// The nodes, the edges and the properties of others that come from Kafka.
const LABELS: [Label; 2] = [Label::ConsumerGroup, Label::Kafka];
const RELATIONS: [Relation; 2] = [Relation::InGroup, Relation::Consumes];
const PROPERTIES: [&str; 8] = [
    "actualPartitions",
    "actualReplication",
    "groupStates",
    "lag",
    "lagUnknown",
    "members",
    "missing",
    "uncommitted",
];

/// `graph`, which is derived without Kafka, with what `before` has from it: stale if Kafka fails.
pub(super) fn keep(graph: &Graph, before: &Graph, unread: Unread) -> Arc<Graph> {
    let mut graph = graph.clone();
    for (node, properties) in &mut graph.nodes {
        keep_properties(properties, before.nodes.get(node));
    }
    for (edge, properties) in &mut graph.edges {
        keep_properties(properties, before.edges.get(edge));
    }
    for (node, properties) in &before.nodes {
        if LABELS.contains(&node.label) {
            graph.nodes.insert(node.clone(), properties.clone());
        }
    }
    for (edge, properties) in &before.edges {
        let ends = [&edge.from, &edge.to];
        if RELATIONS.contains(&edge.relation)
            && ends.iter().all(|end| graph.nodes.contains_key(*end))
        {
            graph.edges.insert(edge.clone(), properties.clone());
        }
    }
    if let Some(since) = unread.failing_since {
        graph.kafka_fails(since);
    }
    Arc::new(graph)
}

fn keep_properties(properties: &mut Properties, before: Option<&Properties>) {
    let Some(before) = before else { return };
    for name in PROPERTIES {
        if let Some(value) = before.get(name) {
            properties.insert(name, value.clone());
        }
    }
}
