//! The whole mesh.

use std::collections::HashMap;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::extract::{Nothing, Query};
use crate::api::problem::Problem;
use crate::api::state::Api;
use crate::api::view::{EdgeView, NodeView};
use crate::mesh::Mesh;
use crate::mesh::graph::{Label, NodeKey, Properties, Property, Relation};

/// The whole mesh, as a tree of services and what flows between.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Mesh)]
pub(super) struct MeshView<'a> {
    /// Counts changes; a restart of kafmesh-discover begins anew.
    revision: u64,
    /// The services, by key.
    services: Vec<ServiceView<'a>>,
    /// The topics, by name.
    topics: Vec<NodeView<'a>>,
    /// The messages, by name.
    messages: Vec<NodeView<'a>>,
    /// The consumer groups Kafka has, by name, whether anything declares them or not; none where Kafka is
    /// not asked.
    groups: Vec<NodeView<'a>>,
    /// Whether what is known of Kafka is up to date: `stale`, and if it is, `readAt` and `failingSince`;
    /// absent where Kafka is not asked, or was not reached yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    kafka: Option<NodeView<'a>>,
    /// What flows: edges `READS`, `WRITES`, `PERSISTS_TO` from objects to topics, `OF_TYPE` from topics
    /// to messages, `IN_GROUP` from objects to groups, `CONSUMES` from groups to topics.
    edges: Vec<EdgeView<'a>>,
}

/// A service with its components.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceTree)]
struct ServiceView<'a> {
    /// Which one.
    key: &'a str,
    /// What else is known of it.
    #[schema(value_type = std::collections::BTreeMap<String, Property>)]
    properties: &'a Properties,
    /// Its components, by key.
    components: Vec<ComponentView<'a>>,
}

/// A component with its objects.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ComponentTree)]
struct ComponentView<'a> {
    /// Which one.
    key: &'a str,
    /// What else is known of it.
    #[schema(value_type = std::collections::BTreeMap<String, Property>)]
    properties: &'a Properties,
    /// Its sources, processors, sinks, views, view sources and view sinks.
    objects: Vec<NodeView<'a>>,
}

impl<'a> MeshView<'a> {
    fn new(mesh: &'a Mesh) -> Self {
        let graph = &mesh.graph;
        let nodes = |label| {
            let nodes = graph.nodes.iter();
            nodes.filter(move |(key, _)| key.label == label)
        };
        let mut children: HashMap<&NodeKey, Vec<&NodeKey>> = HashMap::new();
        let mut edges = Vec::new();
        for edge in &graph.edges {
            match edge.0.relation {
                Relation::HasComponent | Relation::Contains => {
                    children.entry(&edge.0.from).or_default().push(&edge.0.to);
                }
                Relation::Reads
                | Relation::Writes
                | Relation::PersistsTo
                | Relation::OfType
                | Relation::InGroup
                | Relation::Consumes => {
                    edges.push(EdgeView::from(edge));
                }
                Relation::RunsIn | Relation::Observed => {}
            }
        }
        let inside = |key: &NodeKey| {
            let keys = children.get(key).map(Vec::as_slice).unwrap_or_default();
            keys.iter()
                .filter_map(|key| graph.nodes.get_key_value(*key))
        };
        let component = |(key, properties): (&'a NodeKey, &'a Properties)| ComponentView {
            key: &key.key,
            properties,
            objects: inside(key).map(NodeView::from).collect(),
        };
        let service = |(key, properties): (&'a NodeKey, &'a Properties)| ServiceView {
            key: &key.key,
            properties,
            components: inside(key).map(component).collect(),
        };
        Self {
            revision: mesh.revision,
            services: nodes(Label::Service).map(service).collect(),
            topics: nodes(Label::Topic).map(NodeView::from).collect(),
            messages: nodes(Label::Message).map(NodeView::from).collect(),
            groups: nodes(Label::ConsumerGroup).map(NodeView::from).collect(),
            kafka: nodes(Label::Kafka).map(NodeView::from).next(),
            edges,
        }
    }
}

/// The whole mesh
///
/// Services with their components and objects, topics, messages, consumer groups, and what flows between them.
/// Pods are listed apart.
#[utoipa::path(
    get,
    path = "/api/v1/mesh",
    tag = "mesh",
    responses((status = 200, description = "The mesh", body = MeshView))
)]
pub(super) async fn mesh(
    State(api): State<Api>,
    headers: HeaderMap,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    let render = |mesh: &Mesh| serde_json::to_vec(&MeshView::new(mesh));
    api.whole(&headers, render).await
}
