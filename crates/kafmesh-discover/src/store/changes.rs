//! What is different between two graphs.

use super::Written;
use crate::mesh::graph::{Edge, Graph, NodeKey, Properties, Property};

/// What has to be done to make one graph of another.
#[derive(Debug, Default)]
pub(super) struct Changes<'a> {
    /// Nodes to add or change, with the properties to set; `None` removes a property.
    pub(super) nodes: Vec<(&'a NodeKey, Set<'a>)>,
    pub(super) removed_nodes: Vec<&'a NodeKey>,
    pub(super) edges: Vec<(&'a Edge, Set<'a>)>,
    /// Edges to remove; those of removed nodes go with them.
    pub(super) removed_edges: Vec<&'a Edge>,
}

/// Properties to set, or to remove.
pub(super) type Set<'a> = Vec<(&'static str, Option<&'a Property>)>;

impl<'a> Changes<'a> {
    /// What makes `to` of `from`.
    pub(super) fn between(from: &'a Graph, to: &'a Graph) -> Self {
        let mut changes = Self::default();
        for (key, properties) in &to.nodes {
            match from.nodes.get(key) {
                Some(old) if old == properties => {}
                old => changes.nodes.push((key, set(old, properties))),
            }
        }
        for (edge, properties) in &to.edges {
            match from.edges.get(edge) {
                Some(old) if old == properties => {}
                old => changes.edges.push((edge, set(old, properties))),
            }
        }
        let removed = |key: &NodeKey| !to.nodes.contains_key(key);
        changes.removed_nodes = from.nodes.keys().filter(|key| removed(key)).collect();
        changes.removed_edges = from
            .edges
            .keys()
            .filter(|edge| !to.edges.contains_key(edge))
            .filter(|edge| !removed(&edge.from) && !removed(&edge.to))
            .collect();
        changes
    }

    /// How many changes there are of each kind.
    pub(super) fn written(&self) -> Written {
        Written {
            nodes: self.nodes.len(),
            removed_nodes: self.removed_nodes.len(),
            edges: self.edges.len(),
            removed_edges: self.removed_edges.len(),
            runs: 0,
        }
    }
}

fn set<'a>(old: Option<&'a Properties>, new: &'a Properties) -> Set<'a> {
    let removed = old.into_iter().flatten();
    let removed = removed
        .filter(|(name, _)| !new.contains_key(*name))
        .map(|(name, _)| (*name, None));
    let changed = new
        .iter()
        .filter(|(name, value)| old.and_then(|old| old.get(*name)) != Some(value))
        .map(|(name, value)| (*name, Some(value)));
    removed.chain(changed).collect()
}
