//! Keeps what devices report, with the customer each belongs to, in a SQL warehouse.
//!
//! `docs/definition.yaml` says what the service is, `kafmesh-gen docs/definition.yaml` writes
//! `internal/definitions`, and what is left to write by hand are the handlers ([`DetailsEnrichment`],
//! [`HeartbeatEnrichment`]), the sinks ([`warehouse`]) and the service's own gRPC interface ([`api`]).

pub mod api;
#[path = "../internal/definitions/mod.rs"]
pub mod definitions;
pub mod demo;
mod details;
mod heartbeats;
mod sinks;
pub mod warehouse;

pub use details::DetailsEnrichment;
pub use heartbeats::HeartbeatEnrichment;
