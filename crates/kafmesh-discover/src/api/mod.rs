//! The HTTP API: what the mesh is, how it changes, what its processors do.
//!
//! [`router`] answers from the newest snapshot of the mesh and changes nothing. `serve` is the port.

mod access;
mod changes;
mod conditions;
mod export;
mod extract;
mod openapi;
mod page;
mod problem;
mod routes;
mod search;
mod serve;
mod state;
mod subgraph;
mod view;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};

pub use kafmesh_port::{Error as TlsError, Tls};
pub use openapi::description;
pub use serve::{serve, tls};
pub use watch::WatchToken;

use crate::config::Access;
use crate::dial::Dialer;
use crate::mesh::Mesh;
use crate::status::Statuses;
use access::Guard;
use problem::{Kind, Problem};
use state::Api;

/// How long an answer may take; streams begin within it and last longer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What the API is made of.
#[derive(Clone)]
pub struct Parts {
    /// The mesh.
    pub mesh: tokio::sync::watch::Receiver<Arc<Mesh>>,
    /// Connects to pods whose processors are watched.
    pub dialer: Dialer,
    /// What pods ask of those who watch their processors.
    pub watch_token: Option<WatchToken>,
    /// Who may ask.
    pub access: Access,
    /// Whether only this machine reaches the port. Unless something protects it, it then answers to the
    /// names of this machine only: a page in a browser must not reach it by a name of its own.
    pub loopback: bool,
    /// How the parts of the program are doing.
    pub statuses: Statuses,
    /// Writes the metrics in the text format of OpenMetrics.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Ends streams, and with them the connections that wait for nothing else.
    pub stop: CancellationToken,
}

/// The API. It is called within a tokio runtime, in which it follows the mesh until `stop`.
///
/// With `access.tls` and authorities for clients in it, requests need what `serve` knows of their
/// connection.
pub fn router(parts: Parts) -> Router {
    let guard = Guard::new(&parts.access, parts.loopback);
    let cors = cors(&parts.access.cors_origins);
    let (routes, openapi) = openapi::described(routes::all());
    let mut router = routes
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .with_state(Api::new(parts, &openapi))
        .layer(from_fn(conditions::negotiate))
        .layer(from_fn(limit_time))
        .layer(from_fn(conditions::limit_body))
        .layer(from_fn_with_state(guard, access::guard))
        .layer(CatchPanicLayer::custom(|_| {
            Problem::new(
                Kind::Internal,
                "a mistake in kafmesh-discover; its log says more",
            )
            .into_response()
        }))
        .layer(from_fn(problem::name_instance))
        .layer(CompressionLayer::new())
        .layer(from_fn(conditions::choose_coding));
    if let Some(cors) = cors {
        router = router.layer(cors);
    }
    router.layer(from_fn(conditions::secure))
}

async fn limit_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("no answer within {TIMEOUT:?}; ask for a smaller part");
            Problem::new(Kind::Timeout, detail).into_response()
        }
    }
}

/// `None` where no other origin may read anything.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let origins = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        // What is no header value is no origin a browser sends.
        AllowOrigin::list(
            origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin).ok()),
        )
    };
    Some(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::HEAD])
            .allow_headers([
                header::AUTHORIZATION,
                header::IF_NONE_MATCH,
                HeaderName::from_static("last-event-id"),
            ])
            .expose_headers([header::ETAG, header::RETRY_AFTER])
            .max_age(Duration::from_secs(600)),
    )
}
