//! The checksum that `go.sum` and the public checksum database have for a module.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

/// The checksum `h1:` of all files below `folder`: the SHA-256 of the list of their SHA-256s and names, by name.
pub(super) fn of(folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    let mut files: Vec<_> = files
        .iter()
        .map(|file| {
            // All are below the folder, where they were found.
            let name = file.strip_prefix(folder).unwrap_or(file);
            (name.to_string_lossy(), file)
        })
        .collect();
    files.sort_unstable();
    let mut all = Sha256::new();
    for (name, file) in files {
        let mut one = Sha256::new();
        File::open(file)
            .and_then(|mut file| io::copy(&mut file, &mut one))
            .with_context(|| format!("cannot read {}", file.display()))?;
        all.update(format!("{:x}  {name}\n", one.finalize()));
    }
    Ok(format!("h1:{}", BASE64.encode(all.finalize())))
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let cannot = || format!("cannot list {}", folder.display());
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        if entry.file_type().with_context(cannot)?.is_dir() {
            list(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn names_and_contents_count() {
        let scratch = Scratch::new("checksum-test").unwrap();
        let folder = scratch.path().join("module");
        fs::create_dir_all(folder.join("a")).unwrap();
        // By whole names `a-b` comes before `a/x`, though the folder `a` is before `a-b`.
        fs::write(folder.join("a/x"), "one").unwrap();
        fs::write(folder.join("a-b"), "two").unwrap();
        // As sha256sum has it.
        let sum = "h1:gFqW4vz6CUt3pt+HdG5cIdRlQfL6UTq4AUcVJTI0Fbo=";
        assert_eq!(of(&folder).unwrap(), sum);
        fs::write(folder.join("a/x"), "One").unwrap();
        assert_ne!(of(&folder).unwrap(), sum);
    }
}
