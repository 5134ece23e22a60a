//! The stage: new files beside their destinations, until all of them are there and can be renamed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::WriteError;
use super::plan::{Change, Old, Plan};

/// Tells apart the stages of one process.
static STAGES: AtomicU64 = AtomicU64::new(0);

/// Staged files and created directories; removed again when dropped before they were put in place.
pub(super) struct Stage<'a> {
    root: &'a Path,
    /// Part of the names of staged files. They end in `.km.rs`, so that those of a run that was killed are
    /// stale files to the next one.
    suffix: String,
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl<'a> Stage<'a> {
    /// An empty stage; creates the output directory.
    pub(super) fn new(root: &'a Path) -> Result<Self, WriteError> {
        let suffix = format!(
            "{}-{}.km.rs",
            std::process::id(),
            STAGES.fetch_add(1, Ordering::Relaxed)
        );
        let mut stage = Self {
            root,
            suffix,
            files: Vec::new(),
            directories: Vec::new(),
        };
        let missing: Vec<_> = root
            .ancestors()
            .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
            .collect();
        for path in missing.into_iter().rev() {
            stage.create_directory(path)?;
        }
        Ok(stage)
    }

    /// Writes `text` beside the file it will become.
    pub(super) fn add(&mut self, path: &str, text: &str) -> Result<(), WriteError> {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let directory = self.root.join(directory);
        // Files come sorted, so a new directory is met as its first file is.
        if self.directories.last() != Some(&directory) && !directory.exists() {
            self.create_directory(&directory)?;
        }
        let staged = directory.join(format!(".{name}.{}", self.suffix));
        let mut file = File::create_new(&staged).map_err(WriteError::io("create", &staged))?;
        self.files.push(staged.clone());
        file.write_all(text.as_bytes())
            .map_err(WriteError::io("write", &staged))
    }

    /// Puts every staged file in its place and removes what is stale; undoes both if either fails.
    pub(super) fn commit(mut self, plan: &Plan<'_>) -> Result<(), WriteError> {
        let mut done: Vec<&str> = Vec::new();
        let result = self.replace(plan, &mut done);
        let Err((path, source)) = result else {
            self.files.clear();
            self.directories.clear();
            return Ok(());
        };
        for done in done.into_iter().rev() {
            let place = self.root.join(done);
            let undone = match plan.changes.get(done) {
                Some(Change::Replace { old, .. } | Change::Remove { old }) => {
                    self.put_back(&place, old)
                }
                Some(Change::Create(_)) => fs::remove_file(&place),
                None => Ok(()),
            };
            if undone.is_err() {
                return Err(WriteError::NotUndone {
                    path,
                    source,
                    kept: place,
                });
            }
        }
        Err(WriteError::Io {
            action: "replace",
            path,
            source,
        })
    }

    /// Does what is planned, and says in `done` how far it came.
    fn replace<'p>(
        &self,
        plan: &'p Plan<'_>,
        done: &mut Vec<&'p str>,
    ) -> Result<(), (PathBuf, io::Error)> {
        let mut staged = self.files.iter();
        for (path, change) in &plan.changes {
            let place = self.root.join(path);
            let result = match change {
                Change::Remove { .. } => fs::remove_file(&place),
                // Staged in the order of the plan, one file for each of these.
                Change::Create(_) | Change::Replace { .. } => match staged.next() {
                    Some(staged) => fs::rename(staged, &place),
                    None => Err(io::ErrorKind::NotFound.into()),
                },
            };
            result.map_err(|error| (place, error))?;
            done.push(path);
        }
        Ok(())
    }

    fn put_back(&self, place: &Path, old: &Old) -> io::Result<()> {
        let mut name = place.file_name().unwrap_or_default().to_owned();
        name.push(format!(".old.{}", self.suffix));
        let staged = place.with_file_name(name);
        let mut file = File::create(&staged)?;
        file.write_all(&old.contents)?;
        if let Some(modified) = old.modified {
            file.set_modified(modified)?;
        }
        fs::rename(staged, place)
    }

    fn create_directory(&mut self, path: &Path) -> Result<(), WriteError> {
        match fs::create_dir(path) {
            Ok(()) => self.directories.push(path.to_owned()),
            // Another run was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            Err(error) => return Err(WriteError::io("create", path)(error)),
        }
        Ok(())
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        // Best effort: what stays is stale to the next run.
        for staged in &self.files {
            let _ = fs::remove_file(staged);
        }
        for directory in self.directories.iter().rev() {
            let _ = fs::remove_dir(directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, SystemTime};

    use super::*;

    /// A file system that changes after everything was checked cannot be asked for, so the plan is made
    /// first and the directory spoilt afterwards.
    #[test]
    fn a_failure_while_files_are_replaced_is_undone() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let past = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        for name in ["a.km.rs", "b.km.rs"] {
            fs::write(root.join(name), format!("old {name}")).unwrap();
            File::options()
                .write(true)
                .open(root.join(name))
                .unwrap()
                .set_modified(past)
                .unwrap();
        }
        // Replaced, removed as stale, created, and created where a directory will stand.
        let files: BTreeMap<String, String> = ["a.km.rs", "new/mod.rs", "z.km.rs"]
            .map(|name| (name.to_owned(), format!("new {name}")))
            .into();
        let plan = Plan::new(root, &files).unwrap();
        let mut stage = Stage::new(root).unwrap();
        for (path, text) in &files {
            stage.add(path, text).unwrap();
        }
        fs::create_dir(root.join("z.km.rs")).unwrap();

        let error = stage.commit(&plan).unwrap_err();

        assert!(
            matches!(
                error,
                WriteError::Io {
                    action: "replace",
                    ..
                }
            ),
            "{error}"
        );
        for name in ["a.km.rs", "b.km.rs"] {
            let file = root.join(name);
            assert_eq!(fs::read_to_string(&file).unwrap(), format!("old {name}"));
            assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), past);
        }
        let left = fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name());
        let mut left: Vec<_> = left.map(|name| name.into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, ["a.km.rs", "b.km.rs", "z.km.rs"]);
    }
}
