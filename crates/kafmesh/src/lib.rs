//! Runs kafmesh services on Kafka: sources, processors with state, joins and lookups, views, sinks,
//! view sources and view sinks.
//!
//! A service is described in YAML; `kafmesh-gen` turns the description into a module of typed
//! wrappers over this crate. Start with the guide in the repository's `docs/`; what is used by hand
//! from here is small:
//!
//! - [`Config`]: how a process runs, in code or by `KAFMESH_*` variables;
//! - [`Source`] and [`View`]: handles that the generated service hands out, and that tests make in memory;
//! - [`SinkRecord`] and [`Batching`], [`Updates`] and [`Schedule`]: what sinks, view sources and view
//!   sinks are given and told;
//! - [`Error`] and [`Result`]: what handlers return;
//! - [`testing`]: what the generated drivers give back.
//!
//! # Features
//!
//! The Kafka client is compiled along, for brokers without TLS; to reach others, enable one:
//!
//! - `ssl`: TLS and SASL's SCRAM, with the system's OpenSSL;
//! - `ssl-vendored`: the same with an OpenSSL that is compiled along;
//! - `gssapi`: Kerberos with the system's Cyrus SASL, and `ssl`.

mod config;
mod entries;
mod error;
mod global;
mod guard;
mod halt;
mod kafka;
mod memory;
mod observe;
mod processor;
mod restore;
mod retry;
mod secret;
mod service;
mod sink;
mod source;
mod store;
mod sync;
mod view;
mod watch;

#[doc(hidden)]
pub mod codegen;
pub mod testing;

pub use config::Config;
pub use error::{Error, Position, Result, TopicProblem};
pub use kafka::{Headers, HeadersIter};
pub use secret::Secret;
pub use service::{GrpcService, Stopper};
pub use sink::{Batching, SinkRecord};
pub use source::{Metadata, Source};
pub use sync::{Schedule, Updates};
pub use view::View;

/// Includes the definitions that a build script generated with `kafmesh_build::compile`.
///
/// ```text
/// pub mod definitions {
///     kafmesh::include_definitions!();
/// }
/// ```
#[macro_export]
macro_rules! include_definitions {
    () => {
        include!(concat!(env!("OUT_DIR"), "/kafmesh_definitions.rs"));
    };
}
