//! Generates typed Rust from a resolved kafmesh definition.

mod check;
mod doc;
mod emit;
mod generate;
mod generated;
mod models;
mod module;
mod names;
mod write;

pub use generate::generate;
pub use generated::Generated;
pub use write::{Difference, DifferenceKind, Report, WriteError, compare, write};
