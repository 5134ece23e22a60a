//! The gRPC services of the port: ours, and those a user adds.

use std::convert::Infallible;

use axum::Router;
use axum::response::IntoResponse;
use kafmesh_proto::discover::v1::discover_server::DiscoverServer;
use kafmesh_proto::discovery::v1::discovery_api_server::DiscoveryApiServer;
use kafmesh_proto::ping::v1::ping_api_server::{PingApi, PingApiServer};
use kafmesh_proto::ping::v1::{PingRequest, PingResponse};
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tonic::service::RoutesBuilder;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tonic_reflection::pb;
use tonic_reflection::server::{Builder, Error as ReflectionError};

use super::describe::Description;
use crate::error::{Error, Result};

/// A gRPC service as tonic generates servers: `ClickApiServer::new(implementation)`.
///
/// Every such type is one, with or without an interceptor; there is nothing to implement.
pub trait GrpcService: Send + 'static {
    /// Its full name (`clicks.v1.ClickAPI`).
    #[doc(hidden)]
    fn name(&self) -> &'static str;

    #[doc(hidden)]
    fn add_to(self, routes: &mut RoutesBuilder);
}

impl<S> GrpcService for S
where
    S: Service<http::Request<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Response: IntoResponse,
    S::Future: Send + 'static,
{
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn add_to(self, routes: &mut RoutesBuilder) {
        routes.add_service(self);
    }
}

/// The gRPC services of one port.
pub(crate) struct Services {
    routes: RoutesBuilder,
    names: Vec<&'static str>,
    descriptors: Vec<&'static [u8]>,
    /// The first that was added a second time.
    twice: Option<&'static str>,
}

impl Services {
    /// Those of every kafmesh process; `health` and `description` are what they answer about it.
    pub(crate) fn ours(health: HealthReporter, description: Description) -> Self {
        let mut services = Self {
            routes: RoutesBuilder::default(),
            names: vec![
                pb::v1::server_reflection_server::SERVICE_NAME,
                pb::v1alpha::server_reflection_server::SERVICE_NAME,
            ],
            descriptors: vec![
                kafmesh_proto::FILE_DESCRIPTOR_SET,
                tonic_health::pb::FILE_DESCRIPTOR_SET,
                pb::v1::FILE_DESCRIPTOR_SET,
                pb::v1alpha::FILE_DESCRIPTOR_SET,
            ],
            twice: None,
        };
        services.add(HealthServer::new(HealthService::from_health_reporter(
            health,
        )));
        services.add(PingApiServer::new(Ping));
        services.add(DiscoverServer::new(description.clone()));
        services.add(DiscoveryApiServer::new(description));
        services
    }

    pub(crate) fn add(&mut self, service: impl GrpcService) {
        let name = service.name();
        // A path has one handler; that somebody wants two is told when the service runs.
        if self.names.contains(&name) {
            self.twice.get_or_insert(name);
        } else {
            self.names.push(name);
            service.add_to(&mut self.routes);
        }
    }

    /// Lets reflection tell of the files in an encoded `FileDescriptorSet`.
    pub(crate) fn describe(&mut self, encoded: &'static [u8]) {
        self.descriptors.push(encoded);
    }

    /// # Errors
    ///
    /// When a service was added twice, or a file descriptor set is none.
    pub(crate) fn into_router(mut self) -> Result<Router> {
        if let Some(name) = self.twice {
            return Err(Error::Registered {
                object: format!("gRPC service {name}"),
            });
        }
        let reflection = || {
            let mut reflection = Builder::configure();
            for name in &self.names {
                reflection = reflection.with_service_name(*name);
            }
            for set in &self.descriptors {
                reflection = reflection.register_encoded_file_descriptor_set(set);
            }
            reflection
        };
        // Both say the same; clients of before 2023 know the older only.
        let (newer, older) = (reflection().build_v1(), reflection().build_v1alpha());
        self.routes.add_service(newer.map_err(unusable)?);
        self.routes.add_service(older.map_err(unusable)?);
        Ok(self.routes.routes().into_axum_router())
    }
}

fn unusable(error: ReflectionError) -> Error {
    Error::handler(format!(
        "a file descriptor set that was added for gRPC reflection cannot be used: {error}"
    ))
}

struct Ping;

#[tonic::async_trait]
impl PingApi for Ping {
    async fn ping(&self, _: Request<PingRequest>) -> Result<Response<PingResponse>, Status> {
        Ok(Response::new(PingResponse {}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::describe;

    fn services() -> Services {
        Services::ours(HealthReporter::new(), describe::tests::nothing())
    }

    #[test]
    fn a_service_that_is_added_twice_is_an_error_and_not_a_panic() {
        let mut services = services();
        services.add(PingApiServer::new(Ping));
        assert_eq!(
            services.into_router().unwrap_err().to_string(),
            "gRPC service kafmesh.ping.v1.PingAPI is registered already; register it once per process"
        );
    }

    #[test]
    fn a_file_that_is_described_twice_is_no_error() {
        let mut services = services();
        services.describe(kafmesh_proto::FILE_DESCRIPTOR_SET);
        assert!(services.into_router().is_ok());
    }

    #[test]
    fn a_descriptor_set_that_is_none_is_an_error() {
        let mut services = services();
        services.describe(b"\xff");
        let error = services.into_router().unwrap_err().to_string();
        assert!(error.contains("cannot be used: error decoding"), "{error}");
    }

    #[test]
    fn ours_are_in_order() {
        assert!(services().into_router().is_ok());
    }
}
