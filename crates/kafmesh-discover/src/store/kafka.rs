//! What a store knows from Kafka, which stays while Kafka was not read yet.

use std::sync::Arc;

use crate::mesh::graph::{Edge, Graph, NodeKey, Properties};

/// The properties that come from Kafka, of whatever else comes from pods.
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

/// The labels and relations of what comes from Kafka altogether.
const LABELS: [&str; 2] = ["ConsumerGroup", "Kafka"];
const RELATIONS: [&str; 2] = ["CONSUMES", "IN_GROUP"];

/// `graph`, which is derived without Kafka, with what `before` has from it.
pub(super) fn keep(graph: &Graph, before: &Graph) -> Arc<Graph> {
    let mut graph = graph.clone();
    for (node, properties) in &mut graph.nodes {
        keep_properties(properties, before.nodes.get(node));
    }
    for (edge, properties) in &mut graph.edges {
        keep_properties(properties, before.edges.get(edge));
    }
    let is_from_kafka = |node: &NodeKey| LABELS.contains(&node.label.name());
    for (node, properties) in &before.nodes {
        if is_from_kafka(node) {
            graph.nodes.insert(node.clone(), properties.clone());
        }
    }
    for (edge, properties) in &before.edges {
        let Edge { from, to, .. } = edge;
        let leads = graph.nodes.contains_key(from) && graph.nodes.contains_key(to);
        if leads && RELATIONS.contains(&edge.relation.name()) {
            graph.edges.insert(edge.clone(), properties.clone());
        }
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
