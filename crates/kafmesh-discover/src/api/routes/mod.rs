//! What each path answers.

mod events;
mod exports;
mod findings;
mod health;
mod home;
mod kafka;
mod mesh;
mod nodes;
mod pods;
mod search;
mod watch;

pub(super) use events::Position;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::state::Api;

/// Every path there is.
pub(super) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::default()
        .routes(routes!(mesh::mesh))
        .routes(routes!(nodes::nodes))
        .routes(routes!(nodes::services))
        .routes(routes!(nodes::topics))
        .routes(routes!(nodes::messages))
        .routes(routes!(nodes::service))
        .routes(routes!(nodes::component))
        .routes(routes!(nodes::object))
        .routes(routes!(nodes::topic))
        .routes(routes!(nodes::message))
        .routes(routes!(pods::pods))
        .routes(routes!(pods::pod))
        .routes(routes!(pods::runs))
        .routes(routes!(findings::findings))
        .routes(routes!(search::search))
        .routes(routes!(search::upstream))
        .routes(routes!(search::downstream))
        .routes(routes!(exports::json))
        .routes(routes!(exports::mermaid))
        .routes(routes!(exports::dot))
        .routes(routes!(events::events))
        .routes(routes!(watch::watch))
        .routes(routes!(kafka::topics))
        .routes(routes!(kafka::groups))
        .routes(routes!(home::home))
        .routes(routes!(home::openapi))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
}
