//! Finds neighbours in a [`Graph`], and what is upstream and downstream of a node.

use std::collections::VecDeque;

use super::graph::{Edge, Graph, Label, NodeKey, Relation, Role};

/// The neighbours of each node of one graph.
#[derive(Debug, Clone, Default)]
pub struct Index {
    /// The nodes, sorted.
    nodes: Vec<NodeKey>,
    out: Lists,
    incoming: Lists,
}

/// A list for each node, one after the other in one allocation.
#[derive(Debug, Clone, Default)]
struct Lists {
    /// Where the list of node `n` begins; one more for the end of the last.
    starts: Vec<u32>,
    items: Vec<Item>,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    relation: Relation,
    role: Option<Role>,
    node: u32,
}

/// A neighbour of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour<'a> {
    /// Whether the edge begins at the node that was asked about.
    pub outgoing: bool,
    /// What the edge means.
    pub relation: Relation,
    /// How a topic is read, for [`Relation::Reads`].
    pub role: Option<Role>,
    /// The node at the other end.
    pub node: &'a NodeKey,
}

/// Which way records flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Where they come from.
    Upstream,
    /// Where they go.
    Downstream,
}

impl Index {
    /// The index of `graph`.
    pub fn new(graph: &Graph) -> Self {
        let nodes: Vec<NodeKey> = graph.nodes.keys().cloned().collect();
        let place = |node: &NodeKey| nodes.binary_search(node).ok();
        let edges: Vec<(usize, usize, &Edge)> = graph
            .edges
            .keys()
            .filter_map(|edge| Some((place(&edge.from)?, place(&edge.to)?, edge)))
            .collect();
        let out = Lists::new(
            nodes.len(),
            edges.iter().map(|&(from, to, e)| (from, to, e)),
        );
        let incoming = Lists::new(
            nodes.len(),
            edges.iter().map(|&(from, to, e)| (to, from, e)),
        );
        Self {
            nodes,
            out,
            incoming,
        }
    }

    /// The neighbours of `node`, those its edges lead to first; none when there is no such node.
    pub fn neighbours(&self, node: &NodeKey) -> impl Iterator<Item = Neighbour<'_>> {
        let place = self.nodes.binary_search(node).ok();
        place.into_iter().flat_map(|place| {
            let out = self.out.of(place).iter().map(|item| (true, item));
            let incoming = self.incoming.of(place).iter().map(|item| (false, item));
            out.chain(incoming).map(|(outgoing, item)| Neighbour {
                outgoing,
                relation: item.relation,
                role: item.role,
                node: &self.nodes[item.node as usize],
            })
        })
    }

    /// The objects and topics whose records come from `node`, or go to it, in up to `depth` steps,
    /// each with its number of steps, the nearest first. From an object to a topic is a step, and
    /// from a topic to an object. A service stands for its components, a component for its objects,
    /// a pod for the objects that run in it, a message for its topics, a consumer group for its objects:
    /// they are 0 steps away.
    /// `node` itself is left out.
    pub fn flow(
        &self,
        node: &NodeKey,
        direction: Direction,
        depth: usize,
    ) -> Vec<(&NodeKey, usize)> {
        let Ok(start) = self.nodes.binary_search(node) else {
            return Vec::new();
        };
        let mut seen = vec![false; self.nodes.len()];
        let mut waiting = VecDeque::from([(start, 0)]);
        let mut found = Vec::new();
        seen[start] = true;
        while let Some((place, steps)) = waiting.pop_front() {
            // What stands for other nodes is not part of the flow itself.
            let mut next = Vec::new();
            let stands_for = self.stands_for(place);
            if stands_for.is_empty() {
                if place != start {
                    found.push((&self.nodes[place], steps));
                }
                if steps < depth {
                    next.extend(self.step(place, direction).map(|node| (node, steps + 1)));
                }
            } else {
                next.extend(stands_for.into_iter().map(|node| (node, steps)));
            }
            for (node, steps) in next {
                if !std::mem::replace(&mut seen[node], true) {
                    waiting.push_back((node, steps));
                }
            }
        }
        found
    }

    /// The nodes in whose place a node is asked about.
    fn stands_for(&self, place: usize) -> Vec<usize> {
        let (list, relation) = match self.nodes[place].label {
            Label::Service => (self.out.of(place), Relation::HasComponent),
            Label::Component => (self.out.of(place), Relation::Contains),
            Label::Pod => (self.incoming.of(place), Relation::RunsIn),
            Label::Message => (self.incoming.of(place), Relation::OfType),
            Label::ConsumerGroup => (self.incoming.of(place), Relation::InGroup),
            _ => return Vec::new(),
        };
        list.iter()
            .filter(|item| item.relation == relation)
            .map(|item| item.node as usize)
            // A service runs in a pod, too, but it may run elsewhere with more objects.
            .filter(|&node| self.nodes[node].label != Label::Service)
            .collect()
    }

    fn step(&self, place: usize, direction: Direction) -> impl Iterator<Item = usize> {
        let is_read = |item: &&Item| item.relation == Relation::Reads;
        let is_written =
            |item: &&Item| matches!(item.relation, Relation::Writes | Relation::PersistsTo);
        // Edges point from objects to topics, whichever way the records go.
        let (out, incoming) = (self.out.of(place), self.incoming.of(place));
        let down = direction == Direction::Downstream;
        let out = out.iter().filter(move |item| {
            if down {
                is_written(item)
            } else {
                is_read(item)
            }
        });
        let incoming = incoming.iter().filter(move |item| {
            if down {
                is_read(item)
            } else {
                is_written(item)
            }
        });
        out.chain(incoming).map(|item| item.node as usize)
    }
}

impl Lists {
    fn new<'a>(
        nodes: usize,
        edges: impl Iterator<Item = (usize, usize, &'a Edge)> + Clone,
    ) -> Self {
        let mut starts = vec![0_u32; nodes + 1];
        for (of, ..) in edges.clone() {
            starts[of + 1] += 1;
        }
        for n in 0..nodes {
            starts[n + 1] += starts[n];
        }
        let mut next = starts.clone();
        let nothing = Item {
            relation: Relation::Contains,
            role: None,
            node: 0,
        };
        let mut items = vec![nothing; starts[nodes] as usize];
        for (of, other, edge) in edges {
            items[next[of] as usize] = Item {
                relation: edge.relation,
                role: edge.role,
                // A graph of four billion nodes does not fit into memory.
                node: other as u32,
            };
            next[of] += 1;
        }
        Self { starts, items }
    }

    fn of(&self, node: usize) -> &[Item] {
        &self.items[self.starts[node] as usize..self.starts[node + 1] as usize]
    }
}
