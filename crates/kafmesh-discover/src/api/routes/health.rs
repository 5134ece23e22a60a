//! How kafmesh-discover itself is doing.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::state::Api;
use crate::status::Readiness;

/// What `/metrics` is in.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether it lives
///
/// It does as long as it answers, whatever Kubernetes, Kafka and Neo4j do. Open to everybody.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "health",
    responses((
        status = 200, description = "It lives", body = String, content_type = "text/plain",
        example = json!("ok\n"),
    ))
)]
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Whether it is ready
///
/// It is once the first scrape is complete; what fails afterwards is told and does not change that. Open
/// to everybody.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "health",
    responses(
        (status = 200, description = "It is ready", body = Readiness),
        (status = 503, description = "It is not, and why", body = Readiness),
    )
)]
pub(super) async fn ready(State(api): State<Api>) -> Response {
    let readiness = api.statuses().readiness();
    let status = match readiness.ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(readiness)).into_response()
}

/// Metrics for Prometheus
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "health",
    responses((
        status = 200, description = "The metrics of kafmesh-discover, in the text format of OpenMetrics",
        body = String, content_type = "application/openmetrics-text",
        example = json!("# EOF\n"),
    ))
)]
pub(super) async fn metrics(State(api): State<Api>) -> Response {
    ([(header::CONTENT_TYPE, OPENMETRICS)], api.metrics()).into_response()
}
