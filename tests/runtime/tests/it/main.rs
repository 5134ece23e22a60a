//! The runtime against a real Kafka, which `KAFMESH_TEST_BROKERS` names.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says so by panicking"
)]

mod commit;
mod counting;
mod describe;
mod emit;
mod health;
mod instances;
mod joins;
mod log;
mod lookups;
mod members;
mod metrics;
mod port;
mod records;
mod restore;
mod sink;
mod start;
mod stop;
mod support;
mod view;
mod view_sink;
mod view_source;
mod watch;
