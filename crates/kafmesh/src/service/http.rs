//! What the port answers besides gRPC: the health of the process, and its metrics.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::sync::watch;
use tonic::Status;
use tonic::codegen::Service as _;

use crate::observe::{self, CONTENT_TYPE, Observer};

/// Adds the pages about the process to what else its port answers.
pub(crate) fn add_to(router: Router, observer: &Observer) -> Router {
    let [metrics, whole, ready] = std::array::from_fn(|_| observer.clone());
    router
        .route(
            "/metrics",
            get(async move || ([(header::CONTENT_TYPE, CONTENT_TYPE)], metrics.metrics())),
        )
        .route("/health", get(async move || health(&whole)))
        .route("/health/live", get("alive\n"))
        .route("/health/ready", get(async move || readiness(&ready)))
}

/// Everything that is known of the health, as JSON.
fn health(observer: &Observer) -> Response {
    let (state, objects) = observer.health();
    let objects: Vec<_> = objects
        .into_iter()
        .map(|object| {
            json!({
                "component": object.id.component,
                "kind": object.id.kind.name(),
                "name": object.id.name,
                "state": object.state.name(),
                "detail": object.detail,
            })
        })
        .collect();
    let body = json!({
        "service": observer.service(),
        "state": state.name(),
        "objects": objects,
    });
    (
        [(header::CONTENT_TYPE, "application/json")],
        format!("{body:#}\n"),
    )
        .into_response()
}

fn readiness(observer: &Observer) -> (StatusCode, String) {
    let state = observer.state();
    let status = if state == observe::State::Running {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, format!("{}\n", state.name()))
}

/// Lets the routes answer that are in place at the time of the request.
pub(crate) async fn current(
    State(routes): State<watch::Receiver<Router>>,
    request: Request,
) -> Response {
    let mut routes = routes.borrow().clone();
    routes.call(request).await.into_response()
}

/// The answer to what has no route before the service runs: it may be for a service that a user is
/// about to add.
pub(crate) async fn starting(request: Request) -> Response {
    let status = Status::unavailable("the service does not run yet; try again in a moment");
    no_route(&request, status)
}

/// The answer to what has no route.
pub(crate) async fn unknown(request: Request) -> Response {
    let status = Status::unimplemented(format!("nothing answers {}", request.uri().path()));
    no_route(&request, status)
}

fn no_route(request: &Request, of_grpc: Status) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    if content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc")) {
        of_grpc.into_http::<axum::body::Body>().into_response()
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}
