//! Who may ask: a token, a client certificate, and which paths need neither.

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::problem::{Kind, Problem};
use super::serve::Peer;
use crate::config::{Access, Secret};

/// Paths that are open whatever is configured.
pub(super) const OPEN: &[&str] = &["/health/live", "/health/ready"];

/// Whom [`guard`] lets through.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    token: Option<Secret>,
    certificate: bool,
    open_metrics: bool,
}

impl Guard {
    /// The guard of a port with this configuration.
    pub(super) fn new(access: &Access) -> Self {
        Self {
            token: access.token.clone(),
            certificate: access
                .tls
                .as_ref()
                .is_some_and(|tls| tls.client_ca.is_some()),
            open_metrics: access.open_metrics,
        }
    }

    fn is_open(&self, path: &str) -> bool {
        OPEN.contains(&path) || (self.open_metrics && path == "/metrics")
    }

    fn check(&self, request: &Request) -> Result<(), Problem> {
        if self.is_open(request.uri().path()) {
            return Ok(());
        }
        if self.certificate && !is_certified(request) {
            return Err(Problem::new(
                Kind::Certificate,
                "the connection shows no certificate; connect with one of the authority in --tls-client-ca",
            ));
        }
        let Some(token) = &self.token else {
            return Ok(());
        };
        match bearer(request.headers()) {
            Some(given) if bool::from(given.as_bytes().ct_eq(token.expose().as_bytes())) => Ok(()),
            Some(_) => Err(Problem::new(
                Kind::Token,
                "the token is not the one configured",
            )),
            None => Err(Problem::new(
                Kind::Token,
                "the request has no token; send `authorization: Bearer TOKEN`",
            )),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start())
}

/// Whether the listener has verified a certificate of the client.
fn is_certified(request: &Request) -> bool {
    request
        .extensions()
        .get::<ConnectInfo<Peer>>()
        .is_some_and(|ConnectInfo(peer)| peer.certified)
}

/// Lets requests through that the configuration allows.
pub(super) async fn guard(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}
