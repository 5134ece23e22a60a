//! Nodes: lists, and each with its neighbours.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::extract::{Paged, Path, Query};
use crate::api::page::{List, Page};
use crate::api::problem::{Problem, unknown};
use crate::api::state::Api;
use crate::api::view::{EdgeView, NodeView};
use crate::mesh::graph::{Edge, Label, NodeKey, ObjectKind};
use crate::mesh::key;

/// A node with its neighbours.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Detail)]
pub(super) struct Detail<'a> {
    /// The node.
    node: NodeView<'a>,
    /// The edges it has, each with the node at the other end.
    #[serde(flatten)]
    neighbours: List<Neighbour<'a>>,
}

/// An edge of a node, and the node at its other end.
#[derive(Debug, Serialize, ToSchema)]
struct Neighbour<'a> {
    /// The edge.
    edge: EdgeView<'a>,
    /// The node at the other end.
    node: NodeView<'a>,
}

/// Which nodes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Nodes {
    /// Only those with this label.
    #[param(inline)]
    label: Option<Label>,
}

/// Every node
///
/// In the order of labels and keys.
#[utoipa::path(
    get,
    path = "/api/v1/nodes",
    tag = "mesh",
    params(Nodes, Page),
    responses((status = 200, description = "A page of nodes", body = List<NodeView>))
)]
pub(super) async fn nodes(
    State(api): State<Api>,
    Paged(nodes, page): Paged<Nodes>,
) -> Result<Response, Problem> {
    list(&api, nodes.label, &page)
}

/// The services
#[utoipa::path(
    get,
    path = "/api/v1/services",
    tag = "mesh",
    params(Page),
    responses((status = 200, description = "A page of services", body = List<NodeView>))
)]
pub(super) async fn services(
    State(api): State<Api>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    list(&api, Some(Label::Service), &page)
}

/// The topics
#[utoipa::path(
    get,
    path = "/api/v1/topics",
    tag = "mesh",
    params(Page),
    responses((status = 200, description = "A page of topics", body = List<NodeView>))
)]
pub(super) async fn topics(
    State(api): State<Api>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    list(&api, Some(Label::Topic), &page)
}

/// The messages
#[utoipa::path(
    get,
    path = "/api/v1/messages",
    tag = "mesh",
    params(Page),
    responses((status = 200, description = "A page of messages", body = List<NodeView>))
)]
pub(super) async fn messages(
    State(api): State<Api>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    list(&api, Some(Label::Message), &page)
}

fn list(api: &Api, label: Option<Label>, page: &Page) -> Result<Response, Problem> {
    let mesh = api.mesh();
    let nodes = mesh.graph.nodes.iter();
    let nodes = nodes.filter(|(key, _)| label.is_none_or(|label| key.label == label));
    let position = |(key, _): &(&NodeKey, _)| (key.label, key.key.clone());
    let list = page
        .window()?
        .of(mesh.revision, nodes, position, NodeView::from)?;
    Ok(api.json(mesh.revision, &list))
}

/// A service.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ServicePath {
    /// The service's name.
    #[param(example = "shop")]
    service: String,
}

/// A service with its neighbours
///
/// Its components, and the pods it runs in.
#[utoipa::path(
    get,
    path = "/api/v1/services/{service}",
    tag = "mesh",
    params(ServicePath, Page),
    responses((status = 200, description = "The service", body = Detail))
)]
pub(super) async fn service(
    State(api): State<Api>,
    Path(path): Path<ServicePath>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let key = NodeKey::new(Label::Service, key::of(&[&path.service]));
    detail(&api, &key, &page, || {
        unknown("service", &path.service, "/api/v1/services")
    })
}

/// A component.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ComponentPath {
    /// The service's name.
    #[param(example = "shop")]
    service: String,
    /// The component's name.
    #[param(example = "orders")]
    component: String,
}

/// A component with its neighbours
///
/// Its service, and its objects.
#[utoipa::path(
    get,
    path = "/api/v1/services/{service}/components/{component}",
    tag = "mesh",
    params(ComponentPath, Page),
    responses((status = 200, description = "The component", body = Detail))
)]
pub(super) async fn component(
    State(api): State<Api>,
    Path(path): Path<ComponentPath>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let key = NodeKey::new(Label::Component, key::of(&[&path.service, &path.component]));
    detail(&api, &key, &page, || {
        let list = "/api/v1/nodes?label=Component";
        unknown("component", &path.component, list)
    })
}

/// An object of a component.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ObjectPath {
    /// The service's name.
    #[param(example = "shop")]
    service: String,
    /// The component's name.
    #[param(example = "orders")]
    component: String,
    /// What kind of object.
    #[param(inline, example = "processor")]
    kind: ObjectKind,
    /// The object's name; for sources and views, their topic.
    #[param(example = "totals")]
    name: String,
}

/// An object with its neighbours
///
/// Its component, the topics it reads and writes, its consumer group, and the pods it runs in. Where
/// kafmesh-discover reads from Kafka, the edges `READS` tell how far it is behind in each topic it consumes.
#[utoipa::path(
    get,
    path = "/api/v1/services/{service}/components/{component}/objects/{kind}/{name}",
    tag = "mesh",
    params(ObjectPath, Page),
    responses((status = 200, description = "The object", body = Detail))
)]
pub(super) async fn object(
    State(api): State<Api>,
    Path(path): Path<ObjectPath>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let (label, kind) = (path.kind.label(), path.kind.name());
    let names = [&path.service, &path.component, kind, &path.name];
    let key = NodeKey::new(label, key::of(&names));
    detail(&api, &key, &page, || {
        unknown(kind, &path.name, &format!("/api/v1/nodes?label={label}"))
    })
}

/// A topic.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct TopicPath {
    /// The topic's name in Kafka.
    #[param(example = "shop.orders")]
    topic: String,
}

/// A topic with its neighbours
///
/// What reads and writes it, its consumer groups, and its messages. Where kafmesh-discover reads from Kafka, its properties
/// tell what Kafka has, too.
#[utoipa::path(
    get,
    path = "/api/v1/topics/{topic}",
    tag = "mesh",
    params(TopicPath, Page),
    responses((status = 200, description = "The topic", body = Detail))
)]
pub(super) async fn topic(
    State(api): State<Api>,
    Path(path): Path<TopicPath>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let key = NodeKey::new(Label::Topic, key::of_one(&path.topic));
    detail(&api, &key, &page, || {
        unknown("topic", &path.topic, "/api/v1/topics")
    })
}

/// A message.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct MessagePath {
    /// The message as definitions name it.
    #[param(example = "orderId.order")]
    message: String,
}

/// A message with its neighbours
///
/// The topics that hold it.
#[utoipa::path(
    get,
    path = "/api/v1/messages/{message}",
    tag = "mesh",
    params(MessagePath, Page),
    responses((status = 200, description = "The message", body = Detail))
)]
pub(super) async fn message(
    State(api): State<Api>,
    Path(path): Path<MessagePath>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let key = NodeKey::new(Label::Message, key::of_one(&path.message));
    detail(&api, &key, &page, || {
        unknown("message", &path.message, "/api/v1/messages")
    })
}

fn detail(
    api: &Api,
    key: &NodeKey,
    page: &Page,
    unknown: impl FnOnce() -> Problem,
) -> Result<Response, Problem> {
    let window = page.window()?;
    let mesh = api.mesh();
    let graph = &mesh.graph;
    let node = graph.nodes.get_key_value(key).ok_or_else(unknown)?;
    let neighbours = mesh.index.neighbours(key).filter_map(|neighbour| {
        let other = neighbour.node.clone();
        let (from, to) = match neighbour.outgoing {
            true => (key.clone(), other),
            false => (other, key.clone()),
        };
        let edge = Edge {
            from,
            relation: neighbour.relation,
            role: neighbour.role,
            to,
        };
        let edge = graph.edges.get_key_value(&edge)?;
        let node = graph.nodes.get_key_value(neighbour.node)?;
        // What its edges lead to is first.
        let place = (!neighbour.outgoing, neighbour.relation, neighbour.role);
        Some(((place, node.0.label, node.0.key.clone()), edge, node))
    });
    let mut neighbours: Vec<_> = neighbours.collect();
    neighbours.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
    let neighbours = window.of(
        mesh.revision,
        neighbours,
        |(position, ..)| position.clone(),
        |(_, edge, node)| Neighbour {
            edge: edge.into(),
            node: node.into(),
        },
    )?;
    let detail = Detail {
        node: node.into(),
        neighbours,
    };
    Ok(api.json(mesh.revision, &detail))
}
