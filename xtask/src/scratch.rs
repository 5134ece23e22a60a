//! Temporary folders that are removed at the end, or by a later run when this one was killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};

/// What every folder made here is called at first.
const PREFIX: &str = "kafmesh-";

/// The file whose lock tells that the folder's owner is alive. The system drops the lock with the process, however
/// that ends.
const OWNER: &str = ".owner";

/// A folder that is removed when dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
    _owner: File,
}

impl Scratch {
    /// Makes a folder for `purpose`, after removing those that killed runs left for the same purpose.
    pub(crate) fn new(purpose: &str) -> Result<Self> {
        Self::new_in(&std::env::temp_dir(), purpose)
    }

    fn new_in(base: &Path, purpose: &str) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        sweep(base, &format!("{PREFIX}{purpose}-"));
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{purpose}-{}-{count}", std::process::id());
        let path = base.join(&name);
        let make = || -> std::io::Result<File> {
            // Locked before it gets the name by which others would sweep it.
            let unnamed = base.join(format!(".{name}"));
            fs::create_dir(&unnamed)?;
            let owner = File::create(unnamed.join(OWNER))?;
            owner.lock()?;
            fs::rename(&unnamed, &path)?;
            Ok(owner)
        };
        let owner = make()
            .with_context(|| format!("cannot make the temporary folder {}", path.display()))?;
        Ok(Self {
            path,
            _owner: owner,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing can be done about a folder that cannot be removed now; the next run tries again.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn sweep(base: &Path, prefix: &str) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let owned_here = entry.file_name().to_string_lossy().starts_with(prefix);
        if owned_here
            && File::open(entry.path().join(OWNER)).is_ok_and(|owner| owner.try_lock().is_ok())
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_at_the_end() {
        let scratch = Scratch::new("scratch-test").unwrap();
        let path = scratch.path().to_owned();
        assert!(path.is_dir());
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn leftovers_go_and_folders_in_use_stay() {
        let base = Scratch::new("scratch-sweep").unwrap();
        let leftover = base.path().join("kafmesh-work-1-0");
        fs::create_dir(&leftover).unwrap();
        File::create(leftover.join(OWNER)).unwrap();
        let foreign = base.path().join("kafmesh-work-notes");
        fs::create_dir(&foreign).unwrap();

        let first = Scratch::new_in(base.path(), "work").unwrap();
        let second = Scratch::new_in(base.path(), "work").unwrap();
        assert!(!leftover.exists());
        assert!(
            foreign.exists(),
            "a folder without an owner file is somebody else's"
        );
        assert!(first.path().exists() && second.path().exists());
    }
}
