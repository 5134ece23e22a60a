//! Servers and processes for the tests of kafmesh-discover.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

pub mod servers;
