//! A part of the graph: what exports draw.

use std::collections::HashSet;

use crate::mesh::graph::{Edge, Graph, Label, NodeKey, Properties, Relation};

/// Nodes, and the edges between them.
pub(super) struct Part<'a> {
    /// The nodes, by key.
    pub(super) nodes: Vec<(&'a NodeKey, &'a Properties)>,
    /// The edges of which both ends are there.
    pub(super) edges: Vec<(&'a Edge, &'a Properties)>,
}

impl<'a> Part<'a> {
    /// Everything; without `pods`, no pods and scrape runs.
    pub(super) fn whole(graph: &'a Graph, pods: bool) -> Self {
        Self::of(graph, pods, |_| true)
    }

    /// What is within `depth` edges of any of `start`, in either direction.
    ///
    /// What belongs to a service or component in `start` counts as part of it, and what something
    /// found belongs to is shown around it.
    pub(super) fn around(graph: &'a Graph, pods: bool, start: &[NodeKey], depth: usize) -> Self {
        let mut found: HashSet<&NodeKey> = graph
            .nodes
            .keys()
            .filter(|key| start.contains(key))
            .collect();
        // Down to components, and down to objects.
        for _ in 0..2 {
            extend(&mut found, graph, is_parent, Direction::Forward);
        }
        for _ in 0..depth {
            extend(
                &mut found,
                graph,
                |relation| is_flow(relation, pods),
                Direction::Both,
            );
        }
        for _ in 0..2 {
            extend(&mut found, graph, is_parent, Direction::Backward);
        }
        Self::of(graph, pods, |key| found.contains(key))
    }

    fn of(graph: &'a Graph, pods: bool, is_in: impl Fn(&NodeKey) -> bool) -> Self {
        let is_in = |key: &NodeKey| {
            (pods || !matches!(key.label, Label::Pod | Label::ScrapeRun)) && is_in(key)
        };
        Self {
            nodes: graph.nodes.iter().filter(|(key, _)| is_in(key)).collect(),
            edges: graph
                .edges
                .iter()
                .filter(|(edge, _)| is_in(&edge.from) && is_in(&edge.to))
                .collect(),
        }
    }
}

fn is_parent(relation: Relation) -> bool {
    matches!(relation, Relation::HasComponent | Relation::Contains)
}

fn is_flow(relation: Relation, pods: bool) -> bool {
    match relation {
        Relation::Reads | Relation::Writes | Relation::PersistsTo | Relation::OfType => true,
        Relation::RunsIn => pods,
        Relation::HasComponent | Relation::Contains | Relation::Observed => false,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
    Both,
}

/// Adds what is one edge further.
fn extend<'a>(
    found: &mut HashSet<&'a NodeKey>,
    graph: &'a Graph,
    follows: impl Fn(Relation) -> bool,
    direction: Direction,
) {
    let mut further = Vec::new();
    for edge in graph.edges.keys().filter(|edge| follows(edge.relation)) {
        if direction != Direction::Backward && found.contains(&edge.from) {
            further.push(&edge.to);
        }
        if direction != Direction::Forward && found.contains(&edge.to) {
            further.push(&edge.from);
        }
    }
    found.extend(further);
}
