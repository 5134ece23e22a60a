//! The HTTP API, as its clients see it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod access;
mod client;
mod description;
mod events;
mod examples;
mod exports;
mod fixture;
mod headers;
mod large;
mod pages;
mod paths;
mod port;
mod relay;
mod search;
mod token;
