//! The service's port: gRPC health and ping, with reflection.

use std::net::SocketAddr;
use std::time::Duration;

use kafmesh_proto::ping::v1::ping_api_server::{PingApi, PingApiServer};
use kafmesh_proto::ping::v1::{PingRequest, PingResponse};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::error::{Error, Result};

/// By the health protocol, the empty name stands for the whole process.
const WHOLE_PROCESS: &str = "";

/// How long answers under way may take once everything else has stopped.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// The port. It is opened, and answers, before anything else runs: a taken port is found at once, and
/// whoever asks for the health is told `NOT_SERVING` rather than nothing.
pub(crate) struct Server {
    address: SocketAddr,
    health: HealthReporter,
    stop: CancellationToken,
    /// One task; aborted when the server is dropped.
    serving: JoinSet<Result<(), tonic::transport::Error>>,
}

struct Ping;

#[tonic::async_trait]
impl PingApi for Ping {
    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        Ok(Response::new(PingResponse {}))
    }
}

impl Server {
    /// # Errors
    ///
    /// [`Error::Listen`] when the port is taken or not allowed.
    pub(crate) async fn start(address: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| failed(address, error))?;
        let address = listener
            .local_addr()
            .map_err(|error| failed(address, error))?;
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter
            .set_service_status(WHOLE_PROCESS, ServingStatus::NotServing)
            .await;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(kafmesh_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET)
            .build_v1()
            .map_err(|error| failed(address, error))?;
        let stop = CancellationToken::new();
        let mut serving = JoinSet::new();
        serving.spawn(
            tonic::transport::Server::builder()
                .add_service(health)
                .add_service(reflection)
                .add_service(PingApiServer::new(Ping))
                .serve_with_incoming_shutdown(
                    TcpListenerStream::new(listener),
                    stop.clone().cancelled_owned(),
                ),
        );
        Ok(Self {
            address,
            health: reporter,
            stop,
            serving,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets what the health service answers for the whole process.
    pub(crate) async fn running(&self, running: bool) {
        let status = if running {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        self.health.set_service_status(WHOLE_PROCESS, status).await;
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

fn failed(address: SocketAddr, reason: impl ToString) -> Error {
    Error::Listen {
        address: address.to_string(),
        reason: reason.to_string(),
    }
}
