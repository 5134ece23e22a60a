//! What a correct definition may ask for that cannot become Rust: every such place, as a diagnostic.

mod names;
mod protos;

use kafmesh_definition::{Definition, Diagnostics};

/// Every reason why `definition` cannot be generated.
pub(crate) fn check(definition: &Definition) -> Diagnostics {
    let mut diagnostics = Vec::new();
    names::check(definition, &mut diagnostics);
    protos::check(definition, &mut diagnostics);
    diagnostics.into_iter().collect()
}
