//! The service's port: gRPC health and ping, with reflection.

use std::net::{SocketAddr, TcpListener as StdListener};

use kafmesh_proto::ping::v1::ping_api_server::{PingApi, PingApiServer};
use kafmesh_proto::ping::v1::{PingRequest, PingResponse};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::error::{Error, Result};

/// The port, held from the start, so that a taken one is found before anything runs.
pub(crate) struct Server {
    listener: StdListener,
    address: SocketAddr,
}

/// Sets what the health service answers for the whole process (the empty service name).
#[derive(Clone)]
pub(crate) struct Health(HealthReporter);

impl Health {
    pub(crate) async fn running(&self, running: bool) {
        let status = if running { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.0.set_service_status("", status).await;
    }
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
    pub(crate) fn bind(address: SocketAddr) -> Result<Self> {
        let failed = |error: std::io::Error| Error::Listen { address: address.to_string(), reason: error.to_string() };
        let listener = StdListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`.
    pub(crate) fn start(self, stop: CancellationToken) -> Result<(Health, impl Future<Output = Result<()>> + Send + use<>)> {
        let failed = move |reason: String| Error::Listen { address: self.address.to_string(), reason };
        let listener = TcpListener::from_std(self.listener).map_err(|error| failed(error.to_string()))?;
        let (reporter, health) = tonic_health::server::health_reporter();
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(kafmesh_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .build_v1()
            .map_err(|error| failed(error.to_string()))?;
        let serve = async move {
            tonic::transport::Server::builder()
                .add_service(health)
                .add_service(reflection)
                .add_service(PingApiServer::new(Ping))
                .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stop.cancelled_owned())
                .await
                .map_err(|error| failed(error.to_string()))
        };
        Ok((Health(reporter), serve))
    }
}
