//! The documentation and the layout of this repository as data, for the tests that compare them with the code.
//!
//! Checks return what is wrong, one line each, so that a test can show them all, and so that each check
//! can be shown to find what it is for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "only tests call this, and a panic is how a test fails"
)]

pub mod block;
pub mod page;
pub mod project;
pub mod repository;
pub mod rules;
pub mod section;
pub mod tables;
