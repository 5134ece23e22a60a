//! YAML with positions: text to a tree of located values, and that tree to typed raw input.

mod decode;
mod field;
mod node;

pub(crate) use decode::decode;
pub(crate) use field::{Count, Field, Many, Quantity};
pub(crate) use node::{parse, shortened};
