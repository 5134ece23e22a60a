//! Who may ask: a token, a client certificate, which paths need neither, and by what names.

use std::net::IpAddr;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::uri::Authority;
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
    /// Whether requests must be addressed to this machine by a name that is nobody else's.
    own_names_only: bool,
}

impl Guard {
    /// The guard of a port with this configuration.
    pub(super) fn new(access: &Access, loopback: bool) -> Self {
        Self {
            token: access.token.clone(),
            certificate: access
                .tls
                .as_ref()
                .is_some_and(|tls| tls.client_ca.is_some()),
            open_metrics: access.open_metrics,
            own_names_only: loopback && !access.is_protected(),
        }
    }

    fn is_open(&self, path: &str) -> bool {
        OPEN.contains(&path) || (self.open_metrics && path == "/metrics")
    }

    fn check(&self, request: &Request) -> Result<(), Problem> {
        if self.own_names_only && !is_for_this_machine(request) {
            return Err(Problem::new(
                Kind::Host,
                "this port answers to localhost and IP addresses only; ask it by one of them, or \
                 start kafmesh-discover with a token",
            ));
        }
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

/// Whether every host the request names is an IP address or `localhost`, which no DNS server of a
/// stranger can make this machine be.
fn is_for_this_machine(request: &Request) -> bool {
    let hosts = request.headers().get_all(header::HOST).iter();
    let hosts = hosts.map(|host| Authority::try_from(host.as_bytes()).ok());
    let mut hosts = hosts.chain(request.uri().authority().cloned().map(Some));
    hosts.all(|host| host.is_some_and(|host| is_own_name(host.host())))
}

fn is_own_name(host: &str) -> bool {
    let address = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    if address.unwrap_or(host).parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
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
