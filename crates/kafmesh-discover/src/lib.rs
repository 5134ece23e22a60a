//! Collects what the processes of a mesh say of themselves, and shows it.

pub mod api;
pub mod config;
pub mod dial;
pub mod kafka;
pub mod logs;
pub mod mesh;
pub mod metrics;
pub mod program;
pub mod run;
pub mod scrape;
pub mod status;
pub mod store;
