//! What a diagram shows of a graph: services around components around objects, and topics.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use crate::api::subgraph::Subgraph;
use crate::mesh::graph::{Label, NodeKey, Properties, Property, Relation, Role};

/// How long a text in a diagram is at most, in characters; the JSON has it whole.
const LONGEST: usize = 120;

/// A graph, laid out for drawing.
pub(super) struct Outline<'a> {
    /// Services, components and what is in them.
    pub(super) groups: Vec<Group<'a>>,
    /// What is outside of services: topics, messages.
    pub(super) outside: Vec<Shape<'a>>,
    /// Where data goes, by the numbers of shapes.
    pub(super) arrows: Vec<Arrow>,
}

/// A service or a component.
pub(super) struct Group<'a> {
    pub(super) number: usize,
    pub(super) name: &'a str,
    pub(super) groups: Vec<Group<'a>>,
    pub(super) shapes: Vec<Shape<'a>>,
}

/// A node that is drawn; diagrams call it by its number, so that its name can be anything.
pub(super) struct Shape<'a> {
    pub(super) number: usize,
    pub(super) label: Label,
    pub(super) name: &'a str,
    pub(super) stale: bool,
}

/// An edge, in the direction the data goes.
pub(super) struct Arrow {
    pub(super) from: usize,
    pub(super) to: usize,
    /// What it is, where that is not plain.
    pub(super) text: Option<&'static str>,
}

impl<'a> Outline<'a> {
    pub(super) fn new(part: &Subgraph<'a>) -> Self {
        let mut parents: HashMap<&NodeKey, &NodeKey> = HashMap::new();
        for (edge, _) in &part.edges {
            if matches!(edge.relation, Relation::HasComponent | Relation::Contains) {
                parents.insert(&edge.to, &edge.from);
            }
        }
        let numbers: HashMap<&NodeKey, usize> = part
            .nodes
            .iter()
            .enumerate()
            .map(|(number, (key, _))| (*key, number))
            .collect();
        let mut children: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for (number, (key, _)) in part.nodes.iter().enumerate() {
            if is_drawn(key.label) {
                let parent = parents.get(key).and_then(|parent| numbers.get(parent));
                children.entry(parent.copied()).or_default().push(number);
            }
        }
        let (groups, outside) = inside(part, &children, None);
        let arrows = part.edges.iter().filter_map(|(edge, _)| {
            let (from, to) = (*numbers.get(&edge.from)?, *numbers.get(&edge.to)?);
            let (from, to, text) = match edge.relation {
                Relation::Reads => match edge.role {
                    Some(role @ (Role::Join | Role::Lookup)) => (to, from, Some(role.name())),
                    _ => (to, from, None),
                },
                Relation::Writes => (from, to, None),
                Relation::PersistsTo => (from, to, Some("persists")),
                Relation::OfType => (from, to, Some("of type")),
                Relation::HasComponent
                | Relation::Contains
                | Relation::InGroup
                | Relation::Consumes
                | Relation::RunsIn
                | Relation::Observed => return None,
            };
            Some(Arrow { from, to, text })
        });
        Self {
            groups,
            outside,
            arrows: arrows.collect(),
        }
    }
}

/// Groups and shapes of a parent; a component without its service is a group at the top.
fn inside<'a>(
    part: &Subgraph<'a>,
    children: &BTreeMap<Option<usize>, Vec<usize>>,
    parent: Option<usize>,
) -> (Vec<Group<'a>>, Vec<Shape<'a>>) {
    let (mut inner, mut shapes) = (Vec::new(), Vec::new());
    for &number in children.get(&parent).into_iter().flatten() {
        let (key, properties) = part.nodes[number];
        let name = name(key, properties);
        if matches!(key.label, Label::Service | Label::Component) {
            let (groups, shapes) = inside(part, children, Some(number));
            inner.push(Group {
                number,
                name,
                groups,
                shapes,
            });
        } else {
            shapes.push(Shape {
                number,
                label: key.label,
                name,
                stale: properties.get("stale") == Some(&Property::Flag(true)),
            });
        }
    }
    (inner, shapes)
}

fn is_drawn(label: Label) -> bool {
    // A group stands beside the objects it consists of.
    !matches!(
        label,
        Label::ConsumerGroup | Label::Kafka | Label::Pod | Label::ScrapeRun
    )
}

/// What people call a node.
fn name<'a>(key: &'a NodeKey, properties: &'a Properties) -> &'a str {
    match properties.get("name") {
        Some(Property::Text(name)) => name,
        _ => &key.key,
    }
}

/// Writes `text` as one line of visible characters, each by `put`; what is too long ends in `…`.
pub(super) fn line(text: &str, mut put: impl FnMut(&mut String, char)) -> String {
    let mut line = String::with_capacity(text.len().min(4 * LONGEST) + 16);
    for (at, c) in text.chars().enumerate() {
        if at == LONGEST {
            line.push('…');
            break;
        }
        put(&mut line, visible(c));
    }
    line
}

/// Controls by their pictures; what would end or turn the line by a replacement.
fn visible(c: char) -> char {
    match c {
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}' => '\u{fffd}',
        c => c,
    }
}

/// Appends formatted text; a `String` takes it always.
pub(super) fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(arguments);
}
