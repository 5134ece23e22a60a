//! Collects what the processes of a mesh say of themselves, and shows it.

pub mod config;
pub mod dial;
pub mod mesh;
pub mod scrape;
pub mod status;
