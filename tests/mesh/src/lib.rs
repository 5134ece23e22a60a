//! Servers and processes for the tests of kafmesh-discover.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

pub mod acls;
pub mod api_server;
pub mod cluster;
pub mod expiring;
pub mod http;
pub mod neo4j;
pub mod pods;
pub mod proxy;
pub mod sample;
pub mod scraping;
pub mod servers;
pub mod shop;
pub mod tls;

/// Chooses who does the cryptography of TLS: when the whole workspace is built, two could.
pub(crate) fn choose_cryptography() {
    // An error means that one is chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
