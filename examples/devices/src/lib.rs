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

use definitions::Components;
use kafmesh::Batching;

/// Registers all that the service runs, and returns its gRPC interface.
///
/// # Errors
///
/// When something is registered already, or a view cannot be opened.
pub fn register(
    components: &mut impl Components,
    warehouse: warehouse::Warehouse,
) -> kafmesh::Result<api::Api> {
    let mut details = components.details();
    details.register_enrichment_processor(DetailsEnrichment)?;
    details.register_warehouse_sink(warehouse.clone(), Batching::default())?;
    let mut heartbeats = components.heartbeats();
    heartbeats.register_enrichment_processor(HeartbeatEnrichment)?;
    heartbeats.register_warehouse_sink(warehouse.clone(), Batching::default())?;
    Ok(api::Api {
        customers: components.assignments().customer_id_details_source(),
        assignments: components.assignments().device_id_customer_source(),
        details: components.details().device_id_details_source(),
        heartbeats: components.heartbeats().device_id_heartbeat_source(),
        known_customers: components.assignments().customer_id_details_view()?,
        known_assignments: components.assignments().device_id_customer_view()?,
        known_details: components.details().device_id_enriched_details_view()?,
        warehouse,
    })
}
