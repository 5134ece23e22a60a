//! What a store knows from Kafka, which stays while Kafka was not read yet.

use std::sync::Arc;

use crate::mesh::graph::{Graph, Properties};

/// The properties that come from Kafka.
const PROPERTIES: [&str; 7] = [
    "actualPartitions",
    "actualReplication",
    "groupStates",
    "lag",
    "members",
    "missing",
    "uncommitted",
];

/// `graph`, which is derived without Kafka, with what `before` has from it.
pub(super) fn keep(graph: &Graph, before: &Graph) -> Arc<Graph> {
    let mut graph = graph.clone();
    for (node, properties) in &mut graph.nodes {
        keep_properties(properties, before.nodes.get(node));
    }
    for (edge, properties) in &mut graph.edges {
        keep_properties(properties, before.edges.get(edge));
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
