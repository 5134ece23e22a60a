//! Finding and asking the pods of a real Kubernetes API server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

mod changes;
mod helpers;
mod kinds;
mod many;
mod outages;
mod rights;
mod targets;
