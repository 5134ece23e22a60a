//! What the service promises, on a real Kafka and a real PostgreSQL; the scenarios are in `features`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod fleet;
mod service;
mod steps;
mod warehouse;

use cucumber::World as _;
use cucumber::writer::Stats as _;

use fleet::Fleet;

/// How many scenarios there are, so that none is left out unnoticed.
const SCENARIOS: usize = 6;

#[tokio::test]
async fn every_scenario_passes() {
    let service = service::start().await;
    let features = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/acceptance/features");
    let outcome = Fleet::cucumber()
        // The arguments are those of `cargo test`.
        .with_default_cli()
        .fail_on_skipped()
        .run(features)
        .await;
    service.stop();
    assert!(!outcome.execution_has_failed(), "see the scenarios above");
    assert_eq!(outcome.scenarios_stats().passed, SCENARIOS);
}
