//! The shop on Kafka: what each kind of object does, on the embedded broker of `kafmesh dev` and on the real Kafka that
//! `KAFMESH_TEST_BROKERS` names.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on says so by panicking"
)]

/// Makes tests of scenarios: each runs on the embedded broker and on a real Kafka.
macro_rules! on_both_brokers {
    ($($scenario:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario(crate::kafka::Kafka::embedded()).await;
            })*
        }

        mod real {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario(crate::kafka::Kafka::real().await).await;
            })*
        }
    };
}

mod joins;
mod kafka;
mod lookups;
mod processors;
mod shared_state;
mod sinks;
mod support;
mod view_sinks;
mod view_sources;
mod views;
mod whole;
