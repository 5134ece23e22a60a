//! The repository: where it is, and which files belong to it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the repository: its path from the root, with `/`, and its text.
#[derive(Debug, Clone)]
pub struct File {
    /// The path from the root.
    pub path: String,
    /// The contents.
    pub text: String,
}

impl File {
    /// A file for a test of a check.
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("this package lies two directories below the root")
        .to_path_buf()
}

/// The text of the file at `path`, from the root.
pub fn read(path: &str) -> String {
    let full = root().join(path);
    std::fs::read_to_string(&full).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// Every text file that is or could be committed.
///
/// Asks git, which knows what is ignored; a source archive without git has nothing to ignore.
pub fn files() -> Vec<File> {
    let root = root();
    let listed = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(&root)
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8(output.stdout).expect("paths are UTF-8"));
    let mut paths: Vec<String> = match listed {
        Some(listed) => listed.split_terminator('\0').map(str::to_owned).collect(),
        None => walk(&root),
    };
    paths.sort();
    paths.dedup();
    let text = |path: String| {
        // A file that git knows may have been removed; one that is not UTF-8 has no lines to check.
        let text = std::fs::read_to_string(root.join(&path)).ok()?;
        Some(File { path, text })
    };
    paths.into_iter().filter_map(text).collect()
}

fn walk(root: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let mut pending = vec![root.to_path_buf()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory of the repository") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default();
            if path.is_dir() && name != "target" && name != ".git" {
                pending.push(path);
            } else if path.is_file() {
                let below = path.strip_prefix(root).expect("below the root");
                paths.push(below.to_str().expect("a UTF-8 path").replace('\\', "/"));
            }
        }
    }
    paths
}
