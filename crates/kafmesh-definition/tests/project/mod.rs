//! Small definitions written into temporary directories.

use std::path::{Path, PathBuf};

use kafmesh_definition::{Definition, Diagnostics};

pub(crate) struct Project {
    directory: tempfile::TempDir,
}

impl Project {
    /// The files of a definition, each a path and its text.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = directory.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self { directory }
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    pub(crate) fn load(&self, file: &str) -> Result<Definition, Diagnostics> {
        kafmesh_definition::load(&self.path(file))
    }

    /// `path` as seen from the project's directory.
    #[allow(dead_code, reason = "not every test that has projects looks at paths")]
    pub(crate) fn below<'a>(&self, path: &'a Path) -> &'a str {
        path.strip_prefix(self.directory.path())
            .unwrap()
            .to_str()
            .unwrap()
    }
}
