//! Counts clicks per user: the smallest whole kafmesh service.
//!
//! `docs/definition.yaml` says what it is, `kafmesh-gen docs/definition.yaml` writes
//! `internal/definitions`, and what is left to write by hand is [`Counter`].

mod counter;
#[path = "../internal/definitions/mod.rs"]
pub mod definitions;
pub mod demo;

pub use counter::Counter;
