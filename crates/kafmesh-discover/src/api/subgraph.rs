//! A part of the graph: what exports draw.

use std::collections::HashSet;

use crate::mesh::Mesh;
use crate::mesh::graph::{Edge, Graph, Label, NodeKey, Properties, Relation};
use crate::mesh::index::{Index, Neighbour};

/// Nodes, and the edges between them.
pub(super) struct Subgraph<'a> {
    /// The nodes, by key.
    pub(super) nodes: Vec<(&'a NodeKey, &'a Properties)>,
    /// The edges of which both ends are there.
    pub(super) edges: Vec<(&'a Edge, &'a Properties)>,
}

impl<'a> Subgraph<'a> {
    /// Everything; without `pods`, no pods and scrape runs.
    pub(super) fn whole(graph: &'a Graph, pods: bool) -> Self {
        Self::of(graph, pods, |_| true)
    }

    /// What is within `depth` edges of `start`, in either direction.
    ///
    /// What belongs to a service or component counts as part of it, and what something found belongs to
    /// is shown around it.
    pub(super) fn around(mesh: &'a Mesh, pods: bool, start: &'a NodeKey, depth: usize) -> Self {
        let mut found = HashSet::from([start]);
        let mut extend = |steps, follows: &dyn Fn(&Neighbour<'_>) -> bool| {
            extend(&mut found, &mesh.index, steps, follows);
        };
        // Down to components, and down to objects.
        extend(2, &|next| is_parent(next.relation) && next.outgoing);
        extend(depth, &|next| is_flow(next.relation, pods));
        extend(2, &|next| is_parent(next.relation) && !next.outgoing);
        Self::of(&mesh.graph, pods, |key| found.contains(key))
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
        Relation::Reads
        | Relation::Writes
        | Relation::PersistsTo
        | Relation::OfType
        | Relation::Consumes => true,
        Relation::RunsIn => pods,
        Relation::HasComponent | Relation::Contains | Relation::InGroup | Relation::Observed => {
            false
        }
    }
}

/// Adds what is up to `steps` edges further, along those that it follows.
fn extend<'a>(
    found: &mut HashSet<&'a NodeKey>,
    index: &'a Index,
    steps: usize,
    follows: impl Fn(&Neighbour<'_>) -> bool,
) {
    let mut rim: Vec<&NodeKey> = found.iter().copied().collect();
    for _ in 0..steps {
        let neighbours = rim.iter().flat_map(|node| index.neighbours(node));
        let neighbours = neighbours.filter(|neighbour| follows(neighbour));
        let further = neighbours.filter(|neighbour| found.insert(neighbour.node));
        rim = further.map(|neighbour| neighbour.node).collect();
        if rim.is_empty() {
            return;
        }
    }
}
