//! The runtime against a real Kafka, which `KAFMESH_TEST_BROKERS` names.

mod commit;
mod counting;
mod emit;
mod instances;
mod port;
mod records;
mod restore;
mod start;
mod stop;
mod support;
mod view;
