//! YAML with positions: text to a tree of located values, and that tree to typed raw input.

mod decode;
mod node;

pub(crate) use decode::{Count, Field, Many, Quantity, decode};
pub(crate) use node::{parse, shortened};
