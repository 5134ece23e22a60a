//! Finding things: by words, and along the data.

use std::collections::HashSet;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::extract::{Paged, Query, bounded};
use crate::api::page::{List, Page};
use crate::api::problem::{Kind, Problem, unknown};
use crate::api::search;
use crate::api::state::Api;
use crate::api::view::{LinkKey, NodeView};
use crate::mesh::Mesh;
use crate::mesh::graph::{Label, NodeKey, Relation};
use crate::mesh::index::Direction;

/// The longest query, in characters, and how many different words it has at most.
const LONGEST_QUERY: usize = 200;
const MOST_WORDS: usize = 10;

/// How many nodes upstream and downstream tell at most.
const MOST_REACHED: usize = 10_000;

/// What to search for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// Up to 10 words, each of which must occur somewhere in what is searched; upper and lower case are the
    /// same.
    #[param(min_length = 1, max_length = 200, example = "order total")]
    q: String,
}

/// A node that was found.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Hit<'a> {
    /// The node.
    node: NodeView<'a>,
    /// How well it matches; comparable within one search.
    score: u32,
    /// Where the best match is.
    field: search::Field,
}

/// Search
///
/// Nodes in which every word occurs, the best match first. Names count most. What a node belongs to and
/// uses comes next: the service of a component, the service, component, consumer groups and topics of an
/// object, the messages of a topic, the types of a message, the namespace and service of a pod. The
/// descriptions of services, components and objects count least. In each, a text that is the word comes before
/// one that begins with it, that before one in which it begins a word, and that before others. Nothing else
/// is searched.
#[utoipa::path(
    get,
    path = "/api/v1/search",
    tag = "mesh",
    params(Search, Page),
    responses((status = 200, description = "A page of nodes", body = List<Hit>))
)]
pub(super) async fn search(
    State(api): State<Api>,
    Paged(query, page): Paged<Search>,
) -> Result<Response, Problem> {
    let length = query.q.chars().count();
    if length > LONGEST_QUERY || query.q.trim().is_empty() {
        let detail =
            format!("`q` has {length} characters; give 1 to {LONGEST_QUERY}, not only spaces");
        return Err(Problem::new(Kind::Parameter, detail));
    }
    let words = search::words(&query.q);
    if words.len() > MOST_WORDS {
        let detail = format!("`q` has {} words; give {MOST_WORDS} at most", words.len());
        return Err(Problem::new(Kind::Parameter, detail));
    }
    let window = page.window()?;
    let mesh = api.mesh();
    let answering = api.clone();
    let answer = move || {
        let hits = search::search(&mesh, &words);
        let list = window.of(mesh.revision, hits, search::Hit::position, |hit| Hit {
            node: (hit.key, hit.properties).into(),
            score: hit.score,
            field: hit.field,
        })?;
        Ok(answering.json(mesh.revision, &list))
    };
    api.work(answer).await?
}

/// From where, and how far.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Reach {
    /// What the node is that it begins with.
    #[param(inline, example = "Topic")]
    label: Label,
    /// Which one, as nodes show it.
    #[param(example = "shop.orders")]
    key: String,
    /// How many edges to go at most; from a topic to what reads it is one.
    #[param(minimum = 1, maximum = 100, default = 4)]
    depth: Option<u32>,
}

/// What is reached from a node along the data or against it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Reached)]
pub(super) struct ReachedView<'a> {
    /// The revision of the mesh it is about.
    revision: u64,
    /// The nodes, the nearest first; the one it began with is left out.
    nodes: Vec<ReachedNode<'a>>,
    /// The edges between them.
    edges: Vec<LinkKey<'a>>,
    /// Whether there are more than the 10,000 nodes that are told at most.
    truncated: bool,
}

/// A node that was reached.
#[derive(Debug, Serialize, ToSchema)]
struct ReachedNode<'a> {
    /// The node.
    node: NodeView<'a>,
    /// How many edges away it is; 0 for what the first node stands for.
    depth: usize,
}

/// Where data comes from
///
/// What a node depends on: a topic on what writes it, an object on the topics it reads. A service, a
/// component and a pod stand for their objects, a message for its topics.
#[utoipa::path(
    get,
    path = "/api/v1/upstream",
    tag = "mesh",
    params(Reach),
    responses((status = 200, description = "What is upstream", body = ReachedView))
)]
pub(super) async fn upstream(
    State(api): State<Api>,
    Query(query): Query<Reach>,
) -> Result<Response, Problem> {
    along(&api, query, Direction::Upstream).await
}

/// Where data goes
///
/// What depends on a node: on a topic what reads it, on an object the topics it writes. A service, a
/// component and a pod stand for their objects, a message for its topics.
#[utoipa::path(
    get,
    path = "/api/v1/downstream",
    tag = "mesh",
    params(Reach),
    responses((status = 200, description = "What is downstream", body = ReachedView))
)]
pub(super) async fn downstream(
    State(api): State<Api>,
    Query(query): Query<Reach>,
) -> Result<Response, Problem> {
    along(&api, query, Direction::Downstream).await
}

async fn along(api: &Api, query: Reach, direction: Direction) -> Result<Response, Problem> {
    let depth = bounded("depth", query.depth, 4, (1, 100))?;
    let mesh = api.mesh();
    let start = NodeKey::new(query.label, query.key.as_str());
    if !mesh.graph.nodes.contains_key(&start) {
        let list = format!("/api/v1/nodes?label={}", query.label);
        return Err(unknown(query.label.name(), &query.key, &list));
    }
    let answering = api.clone();
    api.work(move || {
        let view = ReachedView::new(&mesh, &start, direction, depth);
        answering.json(mesh.revision, &view)
    })
    .await
}

impl<'a> ReachedView<'a> {
    fn new(mesh: &'a Mesh, start: &NodeKey, direction: Direction, depth: usize) -> Self {
        let graph = &mesh.graph;
        let mut reached = mesh.index.flow(start, direction, depth);
        let truncated = reached.len() > MOST_REACHED;
        reached.truncate(MOST_REACHED);
        let ends: HashSet<&NodeKey> = reached.iter().map(|(key, _)| *key).chain([start]).collect();
        let edges = graph.edges.keys().filter(|edge| {
            let flows = matches!(
                edge.relation,
                Relation::Reads | Relation::Writes | Relation::PersistsTo
            );
            flows && ends.contains(&edge.from) && ends.contains(&edge.to)
        });
        let nodes = reached.iter().filter_map(|&(key, depth)| {
            let node = graph.nodes.get_key_value(key)?.into();
            Some(ReachedNode { node, depth })
        });
        Self {
            revision: mesh.revision,
            nodes: nodes.collect(),
            edges: edges.map(LinkKey::from).collect(),
            truncated,
        }
    }
}
