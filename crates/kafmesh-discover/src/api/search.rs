//! Finds nodes by words: names, descriptions, topics, messages, types.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::mesh::graph::{Graph, Label, NodeKey, Properties, Property};

/// A node that was found.
pub(super) struct Hit<'a> {
    pub(super) key: &'a NodeKey,
    pub(super) properties: &'a Properties,
    /// How well it matches; comparable within one search.
    pub(super) score: u32,
    /// The property in which the best match was.
    pub(super) field: &'a str,
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
pub(super) fn search<'a>(graph: &'a Graph, words: &BTreeSet<String>) -> Vec<Hit<'a>> {
    if words.is_empty() {
        return Vec::new();
    }
    let mut hits: Vec<_> = graph
        .nodes
        .iter()
        .filter(|(key, _)| key.label != Label::ScrapeRun)
        .filter_map(|(key, properties)| hit(key, properties, words))
        .collect();
    hits.sort_by_cached_key(Hit::position);
    hits
}

fn hit<'a>(
    key: &'a NodeKey,
    properties: &'a Properties,
    words: &BTreeSet<String>,
) -> Option<Hit<'a>> {
    let fields: Vec<(&str, u32, String)> = fields(key, properties)
        .map(|(field, text)| (field, weight(field), text.to_lowercase()))
        .collect();
    let mut score = 0;
    let mut best = (0, "name");
    for word in words {
        let (points, field) = fields
            .iter()
            .filter_map(|(field, weight, text)| Some((weight * closeness(text, word)?, *field)))
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

/// The texts of a node; of those without a name, the key stands for it.
fn fields<'a>(
    key: &'a NodeKey,
    properties: &'a Properties,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let named = properties.contains_key("name");
    let texts = properties.iter().flat_map(|(&field, value)| {
        let texts: Vec<&str> = match value {
            Property::Text(text) => vec![text],
            Property::Texts(texts) => texts.iter().map(String::as_str).collect(),
            Property::Number(_) | Property::Flag(_) => Vec::new(),
        };
        texts.into_iter().map(move |text| (field, text))
    });
    texts.chain((!named).then_some(("name", key.key.as_ref())))
}

fn weight(field: &str) -> u32 {
    match field {
        "name" => 8,
        "topic" | "message" | "type" | "group" => 4,
        "description" => 2,
        _ => 1,
    }
}

/// How near `text` is to `word`; `None` when the word does not occur in it.
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
