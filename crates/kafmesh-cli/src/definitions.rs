//! Loading the definitions a command line names.

use std::path::PathBuf;

use kafmesh_definition::{Definition, Diagnostics};

/// Loads all of `paths` and checks them together.
///
/// # Errors
/// The mistakes of all of them, not just of the first.
pub(crate) fn load(paths: &[PathBuf]) -> Result<Vec<Definition>, Diagnostics> {
    let mut definitions = Vec::new();
    let mut mistakes = Diagnostics::default();
    for path in paths {
        match kafmesh_definition::load(path) {
            Ok(definition) => definitions.push(definition),
            Err(diagnostics) => mistakes = mistakes.merged(diagnostics),
        }
    }
    // What did load is checked together even when something else did not: more is known at once.
    if definitions.len() > 1 {
        let loaded: Vec<_> = definitions.iter().collect();
        mistakes = mistakes.merged(kafmesh_definition::check_together(&loaded));
    }
    if mistakes.is_empty() {
        Ok(definitions)
    } else {
        Err(mistakes)
    }
}
