//! The result of generation: everything a definition turns into, in memory.

use std::collections::BTreeMap;

use crate::module::Module;

/// The code generated from one definition.
///
/// Nothing is written until [`write`](crate::write) is called with it.
#[derive(Debug, Clone)]
pub struct Generated {
    root: Module,
    files: BTreeMap<String, String>,
}

impl Generated {
    pub(crate) fn new(root: Module) -> Self {
        let mut files = BTreeMap::new();
        root.files(&mut files);
        Self { root, files }
    }

    /// The files below the output directory: paths relative to it, with forward slashes, and contents.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, String> {
        &self.files
    }

    /// The same modules nested in one file, for `include!` from a build script's `OUT_DIR`.
    #[must_use]
    pub fn inline(&self) -> String {
        self.root.inline()
    }
}
