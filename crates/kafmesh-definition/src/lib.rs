//! Reads kafmesh definitions: YAML in, a checked and resolved model out.

mod diagnostic;
mod duration;
mod load;
pub mod model;
mod name;
mod position;
mod protos;
mod raw;
mod read;
mod render;
mod schema;
mod suggest;
mod together;
mod yaml;

pub use diagnostic::{Diagnostic, Diagnostics, Label};
pub use load::load;
pub use model::Definition;
pub use name::Name;
pub use position::Position;
pub use render::TextStyle;
pub use schema::{component_schema, definition_schema};
pub use together::check_together;
