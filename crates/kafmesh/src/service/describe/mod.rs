//! What a process tells of itself: what of its service is registered here, and which process it is.
//!
//! ```text
//! descriptors, registered objects ──▶ discover.v1 (all that is known) ──▶ discovery.v1 (kafmesh for Go)
//! ```

mod discover;
mod discovery;
mod instance;
mod registered;
#[cfg(test)]
pub(in crate::service) mod tests;

use std::time::SystemTime;

use kafmesh_proto::discover::v1 as discover_v1;
use kafmesh_proto::discover::v1::discover_server::Discover;
use kafmesh_proto::discovery::v1 as discovery_v1;
use kafmesh_proto::discovery::v1::discovery_api_server::DiscoveryApi;
use tonic::{Request, Response, Status};

use crate::codegen::ServiceDescriptor;
pub(crate) use instance::name;
pub(crate) use registered::Registered;

/// Answers what the process is; clones answer the same.
#[derive(Clone)]
pub(crate) struct Description {
    pub(crate) service: &'static ServiceDescriptor,
    /// What is registered so far.
    pub(crate) registered: Registered,
    pub(crate) instance: Instance,
}

/// The process itself.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) name: String,
    pub(crate) started_at: SystemTime,
    /// Whether what its processors do can be watched.
    pub(crate) watch: bool,
}

impl Description {
    fn service(&self) -> discover_v1::Service {
        discover::service(self.service, &self.registered.now())
    }
}

#[tonic::async_trait]
impl Discover for Description {
    async fn get_service_info(
        &self,
        _: Request<discover_v1::GetServiceInfoRequest>,
    ) -> Result<Response<discover_v1::GetServiceInfoResponse>, Status> {
        let instance = discover_v1::Instance {
            name: self.instance.name.clone(),
            kafmesh_version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: Some(self.instance.started_at.into()),
            watch: self.instance.watch,
        };
        Ok(Response::new(discover_v1::GetServiceInfoResponse {
            service: Some(self.service()),
            instance: Some(instance),
        }))
    }
}

#[tonic::async_trait]
impl DiscoveryApi for Description {
    async fn get_service_info(
        &self,
        _: Request<discovery_v1::GetServiceInfoRequest>,
    ) -> Result<Response<discovery_v1::GetServiceInfoResponse>, Status> {
        Ok(Response::new(discovery_v1::GetServiceInfoResponse {
            service: Some(discovery::service(self.service())),
        }))
    }
}
