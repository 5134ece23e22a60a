//! The map as a file: JSON, Mermaid, DOT.

mod dot;
mod mermaid;
mod outline;

pub(super) use dot::dot;
pub(super) use mermaid::mermaid;
