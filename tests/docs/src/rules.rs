//! The rules of the repository that a compiler does not check.

pub mod code_map;
pub mod commands;
pub mod dependencies;
pub mod invariants;
pub mod sources;
