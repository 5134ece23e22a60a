//! Collects what the processes of a mesh say of themselves, and shows it.

pub mod config;
pub mod mesh;
pub mod status;
