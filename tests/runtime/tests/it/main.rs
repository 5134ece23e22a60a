//! The runtime against a real Kafka, which `KAFMESH_TEST_BROKERS` names.

mod counting;
mod support;
