//! The service's port: gRPC and HTTP/1.1, from the connect to the end of the process.
//!
//! It is opened before anything else runs: a taken port is found at once, and whoever asks how the
//! process is gets an answer rather than nothing.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use kafmesh_port::Tls;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::describe::Description;
use super::grpc::Services;
use super::http;
use crate::error::{Error, Result};
use crate::observe::{Observer, State};

#[cfg(test)]
mod tests;

/// By the health protocol, the empty name stands for the whole process.
const WHOLE_PROCESS: &str = "";

/// How long answers under way may take once everything else has stopped.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// How often it is looked whether who watches the health must be told something new. The state
/// follows from what the objects do, and nobody needs to know sooner.
const HEALTH_EVERY: Duration = Duration::from_millis(100);

/// How it is found out that a client of HTTP/2 is gone without a word, so that what it holds, such as the
/// place of who watches a processor, becomes free.
#[derive(Debug, Clone, Copy)]
struct Keepalive {
    /// How long a connection is silent before its client is asked for a sign of life.
    silent: Duration,
    /// How long that may take.
    answer: Duration,
}

const KEEPALIVE: Keepalive = Keepalive {
    silent: Duration::from_secs(30),
    answer: Duration::from_secs(20),
};

/// The open port.
pub(crate) struct Server {
    address: SocketAddr,
    observer: Observer,
    /// What answers; replaced as a whole when the service runs.
    routes: watch::Sender<Router>,
    stop: CancellationToken,
    /// One task; aborted when the server is dropped.
    serving: JoinSet<Result<(), tonic::transport::Error>>,
    health: HealthReporter,
    description: Description,
}

impl Server {
    /// Opens the port. Calls of services that the user adds are answered with `UNAVAILABLE` until
    /// [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] when the port is taken or not allowed.
    pub(crate) async fn start(
        address: SocketAddr,
        tls: Option<Tls>,
        observer: Observer,
        description: Description,
    ) -> Result<Self> {
        Self::start_with(address, tls, observer, description, KEEPALIVE).await
    }

    async fn start_with(
        address: SocketAddr,
        tls: Option<Tls>,
        observer: Observer,
        description: Description,
        keepalive: Keepalive,
    ) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| failed(address, error))?;
        let address = listener
            .local_addr()
            .map_err(|error| failed(address, error))?;
        let health = HealthReporter::new();
        health
            .set_service_status(WHOLE_PROCESS, ServingStatus::NotServing)
            .await;
        let ours = Services::ours(health.clone(), description.clone()).into_router()?;
        let first = http::add_to(ours, &observer).fallback(http::starting);
        let (routes, current) = watch::channel(first);
        let answering = Router::new().fallback(http::current).with_state(current);
        let stop = CancellationToken::new();
        let incoming = kafmesh_port::connections(listener);
        let server = tonic::transport::Server::builder()
            .accept_http1(true)
            .http2_keepalive_interval(Some(keepalive.silent))
            .http2_keepalive_timeout(Some(keepalive.answer));
        let stopped = stop.clone().cancelled_owned();
        let tell = tell(observer.clone(), health.clone());
        let mut serving = JoinSet::new();
        match tls {
            None => serving.spawn(async move {
                tokio::select! {
                    ended = server.serve_with_incoming_shutdown(answering, incoming, stopped) => ended,
                    () = tell => Ok(()),
                }
            }),
            Some(tls) => serving.spawn(async move {
                let incoming = tls.accept(incoming);
                tokio::select! {
                    ended = server.serve_with_incoming_shutdown(answering, incoming, stopped) => ended,
                    () = tell => Ok(()),
                    () = tls.follow() => Ok(()),
                }
            }),
        };
        Ok(Self {
            address,
            observer,
            routes,
            stop,
            serving,
            health,
            description,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The gRPC services to answer with once the service runs; a user's are added to them.
    pub(crate) fn services(&self) -> Services {
        Services::ours(self.health.clone(), self.description.clone())
    }

    /// Answers with `services` from now on.
    ///
    /// # Errors
    ///
    /// When one was added twice, or a file descriptor set is none.
    pub(crate) fn run(&self, services: Services) -> Result<()> {
        let routes = http::add_to(services.into_router()?, &self.observer).fallback(http::unknown);
        drop(self.routes.send_replace(routes));
        Ok(())
    }

    /// Resolves when the server ends by itself, which it does only when it fails.
    pub(crate) async fn failed(&mut self) -> Error {
        match self.serving.join_next().await {
            Some(Ok(Err(error))) => failed(self.address, error),
            Some(Err(error)) => failed(self.address, error),
            Some(Ok(Ok(()))) | None => failed(self.address, "the server ended"),
        }
    }

    /// Takes no more requests, and ends. Streams that stay open, such as one that watches the health,
    /// are cut off.
    pub(crate) async fn close(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(LAST_ANSWERS, self.serving.join_next())
            .await
            .is_err()
        {
            self.serving.shutdown().await;
        }
    }
}

/// Keeps what the gRPC health service answers equal to the state of the process, and logs its changes.
async fn tell(observer: Observer, health: HealthReporter) {
    let mut told = State::Starting;
    let mut turns = tokio::time::interval(HEALTH_EVERY);
    loop {
        turns.tick().await;
        let state = observer.state();
        if state == told {
            continue;
        }
        told = state;
        let status = if state == State::Running {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        health.set_service_status(WHOLE_PROCESS, status).await;
        // Why it stops is said where it is known.
        if state != State::Stopping {
            tracing::info!(service = observer.service(), "{}", state.name());
        }
    }
}

fn failed(address: SocketAddr, reason: impl ToString) -> Error {
    Error::Listen {
        address: address.to_string(),
        reason: reason.to_string(),
    }
}
