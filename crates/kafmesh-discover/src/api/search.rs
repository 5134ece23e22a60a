//! Finds nodes by words: what they are called, what they belong to and use, what is said of them.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::mesh::Mesh;
use crate::mesh::graph::{Label, NodeKey, Properties, Property, Relation};

/// What of a node is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SearchedField)]
pub(super) enum Field {
    /// Its name.
    Name,
    /// The service it belongs to.
    Service,
    /// The component it belongs to.
    Component,
    /// The namespace of a pod.
    Namespace,
    /// The consumer groups of an object.
    Groups,
    /// The topics that an object reads and writes.
    Topics,
    /// The messages in a topic.
    Messages,
    /// The protobuf types of a message.
    Types,
    /// What its definition says of it.
    Description,
}

impl Field {
    /// What is searched of a node.
    fn of(label: Label) -> &'static [Self] {
        match label {
            Label::Service => &[Self::Name, Self::Description],
            Label::Component => &[Self::Name, Self::Service, Self::Description],
            Label::Source
            | Label::Processor
            | Label::Sink
            | Label::View
            | Label::ViewSource
            | Label::ViewSink => &[
                Self::Name,
                Self::Service,
                Self::Component,
                Self::Groups,
                Self::Topics,
                Self::Description,
            ],
            Label::Topic => &[Self::Name, Self::Messages],
            Label::Message => &[Self::Name, Self::Types],
            Label::ConsumerGroup => &[Self::Name],
            Label::Pod => &[Self::Name, Self::Namespace, Self::Service],
            Label::Kafka | Label::ScrapeRun => &[],
        }
    }

    /// What a match in it counts, whatever the match is like: more than any in a field that counts less.
    fn weight(self) -> u32 {
        match self {
            Self::Name => 30,
            Self::Service
            | Self::Component
            | Self::Namespace
            | Self::Groups
            | Self::Topics
            | Self::Messages
            | Self::Types => 20,
            Self::Description => 10,
        }
    }

    /// The texts of a node in it.
    fn texts<'a>(self, mesh: &'a Mesh, key: &NodeKey, properties: &'a Properties) -> Vec<&'a str> {
        let property = match self {
            Self::Name => "name",
            Self::Service => "service",
            Self::Component => "component",
            Self::Namespace => "namespace",
            Self::Groups => "groups",
            Self::Types => "types",
            Self::Description => "description",
            Self::Topics => {
                let flows = [Relation::Reads, Relation::Writes, Relation::PersistsTo];
                return names(mesh, key, &flows);
            }
            Self::Messages => return names(mesh, key, &[Relation::OfType]),
        };
        match properties.get(property) {
            Some(Property::Text(text)) => vec![text],
            Some(Property::Texts(texts)) => texts.iter().map(String::as_str).collect(),
            Some(Property::Number(_) | Property::Flag(_)) | None => Vec::new(),
        }
    }
}

/// The names of the nodes that edges of these kinds lead to.
fn names<'a>(mesh: &'a Mesh, key: &NodeKey, relations: &[Relation]) -> Vec<&'a str> {
    let neighbours = mesh.index.neighbours(key);
    let linked = neighbours.filter(|next| next.outgoing && relations.contains(&next.relation));
    let names = linked.filter_map(|next| match mesh.graph.nodes.get(next.node)?.get("name")? {
        Property::Text(name) => Some(name.as_str()),
        _ => None,
    });
    names.collect()
}

/// A node that was found.
pub(super) struct Hit<'a> {
    pub(super) key: &'a NodeKey,
    pub(super) properties: &'a Properties,
    /// How well it matches; comparable within one search.
    pub(super) score: u32,
    /// Where the best match was.
    pub(super) field: Field,
}

impl Hit<'_> {
    /// Where it is among others: the better ones first; of equally good ones, the shorter key is the
    /// nearer to the top.
    pub(super) fn position(&self) -> (Reverse<u32>, usize, Label, Arc<str>) {
        let NodeKey { label, key } = self.key;
        (Reverse(self.score), key.len(), *label, key.clone())
    }
}

/// The different words of a query.
pub(super) fn words(query: &str) -> BTreeSet<String> {
    query.split_whitespace().map(str::to_lowercase).collect()
}

/// Nodes in which every one of `words` occurs, the best first; of no words, none.
pub(super) fn search<'a>(mesh: &'a Mesh, words: &BTreeSet<String>) -> Vec<Hit<'a>> {
    if words.is_empty() {
        return Vec::new();
    }
    let nodes = mesh.graph.nodes.iter();
    let mut hits: Vec<_> = nodes
        .filter_map(|(key, properties)| hit(mesh, key, properties, words))
        .collect();
    hits.sort_by_cached_key(Hit::position);
    hits
}

fn hit<'a>(
    mesh: &'a Mesh,
    key: &'a NodeKey,
    properties: &'a Properties,
    words: &BTreeSet<String>,
) -> Option<Hit<'a>> {
    let fields = Field::of(key.label).iter().copied();
    let texts: Vec<(Field, String)> = fields
        .flat_map(|field| {
            let texts = field.texts(mesh, key, properties).into_iter();
            texts.map(move |text| (field, text.to_lowercase()))
        })
        .collect();
    let mut score = 0;
    let mut best = (0, Field::Name);
    for word in words {
        let (points, field) = texts
            .iter()
            .filter_map(|(field, text)| Some((field.weight() + closeness(text, word)?, *field)))
            .max_by_key(|(points, _)| *points)?;
        score += points;
        if points > best.0 {
            best = (points, field);
        }
    }
    Some(Hit {
        key,
        properties,
        score,
        field: best.1,
    })
}

/// How near `text` is to `word`, less than 10; `None` when the word does not occur in it.
fn closeness(text: &str, word: &str) -> Option<u32> {
    let at = text.find(word)?;
    Some(if text.len() == word.len() {
        8
    } else if at == 0 {
        6
    } else if begins_a_word(text, word) {
        4
    } else {
        2
    })
}

fn begins_a_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        text[..at]
            .chars()
            .next_back()
            .is_none_or(|before| !before.is_alphanumeric())
    })
}
