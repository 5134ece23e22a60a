//! What is different between two graphs.

use std::collections::BTreeMap;

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
        compare(&from.nodes, &to.nodes, |key, change| match change {
            Change::Set(set) => changes.nodes.push((key, set)),
            Change::Remove => changes.removed_nodes.push(key),
        });
        compare(&from.edges, &to.edges, |edge, change| match change {
            Change::Set(set) => changes.edges.push((edge, set)),
            Change::Remove => {
                let stays = |key| to.nodes.contains_key(key);
                if stays(&edge.from) && stays(&edge.to) {
                    changes.removed_edges.push(edge);
                }
            }
        });
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

/// What becomes of a node or an edge.
enum Change<'a> {
    Set(Set<'a>),
    Remove,
}

/// Tells what makes `to` of `from`. Both are sorted, and mostly equal: they are gone through once, side
/// by side, and nothing is looked up.
fn compare<'a, K: Ord>(
    from: &'a BTreeMap<K, Properties>,
    to: &'a BTreeMap<K, Properties>,
    mut change: impl FnMut(&'a K, Change<'a>),
) {
    let mut from = from.iter().peekable();
    for (key, properties) in to {
        while let Some((gone, _)) = from.next_if(|(old, _)| *old < key) {
            change(gone, Change::Remove);
        }
        match from.next_if(|(old, _)| *old == key) {
            Some((_, old)) if old == properties => {}
            Some((_, old)) => change(key, Change::Set(set(Some(old), properties))),
            None => change(key, Change::Set(set(None, properties))),
        }
    }
    for (gone, _) in from {
        change(gone, Change::Remove);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::graph::{Label, Relation};

    fn node(key: &str) -> NodeKey {
        NodeKey::new(Label::Topic, key)
    }

    fn edge(from: &str, to: &str) -> Edge {
        Edge {
            from: node(from),
            relation: Relation::OfType,
            role: None,
            to: node(to),
        }
    }

    fn graph(nodes: &[(&str, &str)], edges: &[(&str, &str)]) -> Graph {
        let named = |name: &str| Properties::from([("name", name.into())]);
        let nodes = nodes.iter().map(|(key, name)| (node(key), named(name)));
        let edges = edges
            .iter()
            .map(|(from, to)| (edge(from, to), Properties::new()));
        Graph {
            nodes: nodes.collect(),
            edges: edges.collect(),
        }
    }

    #[test]
    fn what_differs_is_found_wherever_it_is() {
        let from = graph(
            &[("a", "1"), ("b", "1"), ("d", "1"), ("z", "1")],
            &[("a", "b"), ("a", "d"), ("b", "d"), ("d", "z")],
        );
        let to = graph(
            &[("0", "1"), ("b", "2"), ("c", "1"), ("d", "1")],
            &[("0", "c"), ("b", "d"), ("d", "b")],
        );
        let changes = Changes::between(&from, &to);
        let set: Vec<_> = changes
            .nodes
            .iter()
            .map(|(key, _)| (**key).clone())
            .collect();
        assert_eq!(set, [node("0"), node("b"), node("c")]);
        assert_eq!(changes.removed_nodes, [&node("a"), &node("z")]);
        let set: Vec<_> = changes
            .edges
            .iter()
            .map(|(edge, _)| (**edge).clone())
            .collect();
        assert_eq!(set, [edge("0", "c"), edge("d", "b")]);
        // Those of removed nodes go with them.
        assert!(changes.removed_edges.is_empty());
        let fewer = graph(&[("b", "2"), ("d", "1")], &[]);
        let changes = Changes::between(&to, &fewer);
        assert_eq!(changes.removed_edges, [&edge("b", "d"), &edge("d", "b")]);

        assert_eq!(Changes::between(&to, &to).written(), Written::default());
    }

    #[test]
    fn properties_are_set_changed_and_removed() {
        let old = Properties::from([
            ("kind", "x".into()),
            ("lag", 1_i64.into()),
            ("name", "a".into()),
        ]);
        let new = Properties::from([
            ("lag", 2_i64.into()),
            ("name", "a".into()),
            ("stale", true.into()),
        ]);
        let set = set(Some(&old), &new);
        let set: Vec<_> = set
            .iter()
            .map(|(name, value)| (*name, value.is_some()))
            .collect();
        assert_eq!(set, [("kind", false), ("lag", true), ("stale", true)]);
    }
}
