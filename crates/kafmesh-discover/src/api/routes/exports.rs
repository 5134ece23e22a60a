//! The map as a file.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::export;
use crate::api::extract::{Query, bounded};
use crate::api::problem::{Kind, Problem, unknown};
use crate::api::state::Api;
use crate::api::subgraph::Subgraph;
use crate::api::view::{EdgeView, NodeView};
use crate::mesh::Mesh;
use crate::mesh::graph::{Label, NodeKey};

/// Which part of the mesh; all of it when no node is named.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Export {
    /// What the node is around which to draw; with `key`.
    #[param(inline, example = "Service")]
    label: Option<Label>,
    /// Which one, as nodes show it; with `label`.
    #[param(example = "shop")]
    key: Option<String>,
    /// How many edges to go from it at most, in either direction.
    #[param(minimum = 0, maximum = 100, default = 1)]
    depth: Option<u32>,
    /// Whether to include pods.
    #[param(default = false)]
    pods: Option<bool>,
}

/// A part of the mesh, or all of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Graph)]
pub(super) struct GraphView<'a> {
    /// The revision of the mesh it is about.
    revision: u64,
    /// The nodes, by label and key.
    nodes: Vec<NodeView<'a>>,
    /// The edges between them.
    edges: Vec<EdgeView<'a>>,
}

/// The map as JSON
///
/// Nodes and edges as they are, with their properties.
#[utoipa::path(
    get,
    path = "/api/v1/exports/mesh.json",
    operation_id = "exportJson",
    tag = "exports",
    params(Export),
    responses((status = 200, description = "Nodes and edges", body = GraphView))
)]
pub(super) async fn json(
    State(api): State<Api>,
    Query(query): Query<Export>,
) -> Result<Response, Problem> {
    let text = |mesh: &Mesh, part: &Subgraph<'_>| {
        serde_json::to_string(&GraphView {
            revision: mesh.revision,
            nodes: part.nodes.iter().map(|&node| node.into()).collect(),
            edges: part.edges.iter().map(|&edge| edge.into()).collect(),
        })
    };
    write(&api, query, "application/json", "mesh.json", text).await
}

/// The map as a Mermaid flowchart
///
/// Objects within their components and services, topics, and where data goes. Mermaid draws 500 edges
/// unless it is told otherwise: draw a part.
#[utoipa::path(
    get,
    path = "/api/v1/exports/mesh.mmd",
    operation_id = "exportMermaid",
    tag = "exports",
    params(Export),
    responses((
        status = 200, description = "A flowchart", body = String,
        content_type = "text/vnd.mermaid",
        example = json!("flowchart LR\n  n0[(\"shop.orders\")]\n"),
    ))
)]
pub(super) async fn mermaid(
    State(api): State<Api>,
    Query(query): Query<Export>,
) -> Result<Response, Problem> {
    let text = |_: &Mesh, part: &Subgraph<'_>| Ok(export::mermaid(part));
    write(&api, query, "text/vnd.mermaid", "mesh.mmd", text).await
}

/// The map as a graph in DOT
///
/// Objects within their components and services, topics, and where data goes; for Graphviz.
#[utoipa::path(
    get,
    path = "/api/v1/exports/mesh.dot",
    operation_id = "exportDot",
    tag = "exports",
    params(Export),
    responses((
        status = 200, description = "A directed graph", body = String,
        content_type = "text/vnd.graphviz",
        example = json!("digraph mesh {\n  n0 [label=\"shop.orders\"];\n}\n"),
    ))
)]
pub(super) async fn dot(
    State(api): State<Api>,
    Query(query): Query<Export>,
) -> Result<Response, Problem> {
    let text = |_: &Mesh, part: &Subgraph<'_>| Ok(export::dot(part));
    write(&api, query, "text/vnd.graphviz", "mesh.dot", text).await
}

/// Answers with a file about the part that the query names.
async fn write(
    api: &Api,
    query: Export,
    content_type: &'static str,
    file: &'static str,
    text: impl FnOnce(&Mesh, &Subgraph<'_>) -> serde_json::Result<String> + Send + 'static,
) -> Result<Response, Problem> {
    let mesh = api.mesh();
    let revision = mesh.revision;
    let depth = bounded("depth", query.depth, 1, (0, 100))?;
    let start = match (query.label, query.key) {
        (None, None) if query.depth.is_some() => {
            let detail = "`depth` needs a node to begin with: give `label` and `key`, too";
            return Err(Problem::new(Kind::Parameter, detail));
        }
        (None, None) => None,
        (Some(label), Some(key)) => {
            let key = NodeKey::new(label, key);
            if !mesh.graph.nodes.contains_key(&key) {
                let list = format!("/api/v1/nodes?label={label}");
                return Err(unknown(label.name(), &key.key, &list));
            }
            Some(key)
        }
        _ => {
            let detail = "`label` and `key` name a node together: give both or none";
            return Err(Problem::new(Kind::Parameter, detail));
        }
    };
    let pods = query.pods.unwrap_or(false);
    let writing = api.work(move || {
        let part = match &start {
            None => Subgraph::whole(&mesh.graph, pods),
            Some(start) => Subgraph::around(&mesh, pods, start, depth),
        };
        text(&mesh, &part)
    });
    let text = writing
        .await?
        .map_err(|e| Problem::new(Kind::Internal, format!("the export failed: {e}")))?;
    let mut response = api.text(revision, content_type, text);
    let name = format!("inline; filename=\"{file}\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
