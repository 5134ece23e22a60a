//! The lock that makes runs at the same time take turns.
//!
//! It is held on the directory itself, so that no lock file lies among the user's sources; the system drops
//! it with the process. Elsewhere than on Unix a directory cannot be locked, and runs are kept apart by
//! atomic renames alone.

use std::fs::File;
use std::io;
use std::path::Path;

use super::WriteError;

/// Held until dropped.
pub(super) struct Lock {
    _directory: Option<File>,
}

/// Waits until nobody else reads or writes the output directory.
pub(super) fn exclusive(root: &Path) -> Result<Lock, WriteError> {
    lock(root, File::lock)
}

/// Waits until nobody writes the output directory.
pub(super) fn shared(root: &Path) -> Result<Lock, WriteError> {
    if !root.exists() {
        return Ok(Lock { _directory: None });
    }
    lock(root, File::lock_shared)
}

fn lock(root: &Path, lock: impl FnOnce(&File) -> io::Result<()>) -> Result<Lock, WriteError> {
    if !cfg!(unix) {
        return Ok(Lock { _directory: None });
    }
    let directory = File::open(root).map_err(WriteError::io("open", root))?;
    match lock(&directory) {
        Ok(()) => Ok(Lock {
            _directory: Some(directory),
        }),
        // Some network file systems have no locks.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(Lock { _directory: None }),
        Err(error) => Err(WriteError::io("lock", root)(error)),
    }
}
