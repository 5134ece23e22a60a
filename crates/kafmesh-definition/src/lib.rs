//! Reads kafmesh definitions: YAML in, a checked and resolved model out.

mod diagnostic;
pub mod model;
mod name;
mod position;

pub use diagnostic::{Diagnostic, Diagnostics, Label};
pub use model::Definition;
pub use name::Name;
pub use position::Position;
