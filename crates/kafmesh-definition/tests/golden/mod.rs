//! Golden files: rewritten when they differ, and the test fails, so that `git diff` shows what changed.

use std::path::{Path, PathBuf};

#[derive(Default)]
pub(crate) struct Golden {
    rewritten: Vec<PathBuf>,
}

impl Golden {
    /// Compares `actual` with the file, and puts it there when they differ.
    pub(crate) fn check(&mut self, file: &Path, actual: &str) {
        let expected = std::fs::read_to_string(file).unwrap_or_default();
        if expected != actual {
            std::fs::write(file, actual).unwrap();
            self.rewritten.push(file.to_path_buf());
        }
    }

    /// Fails when a file was rewritten.
    pub(crate) fn finish(self) {
        assert!(
            self.rewritten.is_empty(),
            "these files differed and were rewritten; look at their diff and run the test again: {:#?}",
            self.rewritten,
        );
    }
}
