//! How kafmesh-discover is deployed: its chart, the manifests made from it, its images.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

mod applied;
mod chart;
mod end_to_end;
mod images;
mod manifests;
mod refused;
mod rendered;
mod service_monitors;
