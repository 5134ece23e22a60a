//! The stage: new files beside their destinations, until all of them are there and can be renamed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::num::NonZero;
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
    directories: Vec<Directory>,
    /// Created on the way to the output directory, which is the last.
    ancestors: Vec<PathBuf>,
}

/// The staged files of one directory.
struct Directory {
    place: PathBuf,
    /// Where the directory is staged as a whole, when it is new.
    staged: Option<PathBuf>,
    /// Where each file is staged, and its place.
    files: Vec<(PathBuf, PathBuf)>,
}

/// A step that was taken, and how to take it back.
enum Done<'p> {
    /// This is new.
    Created(PathBuf),
    /// The first was moved to the second.
    Moved(&'p Path, &'p Path),
    /// This was as in `Old` before.
    Lost(PathBuf, &'p Old),
}

impl<'a> Stage<'a> {
    /// An empty stage; creates the output directory.
    pub(super) fn new(root: &'a Path) -> Result<Self, WriteError> {
        let number = STAGES.fetch_add(1, Ordering::Relaxed);
        let mut stage = Self {
            root,
            suffix: format!("{}-{number}.km.rs", std::process::id()),
            directories: Vec::new(),
            ancestors: Vec::new(),
        };
        let missing: Vec<_> = root
            .ancestors()
            .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
            .collect();
        for path in missing.into_iter().rev() {
            match fs::create_dir(path) {
                Ok(()) => stage.ancestors.push(path.to_owned()),
                // Another run was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                Err(error) => return Err(WriteError::io("create", path)(error)),
            }
        }
        Ok(stage)
    }

    /// Writes every new text beside the file it will become, on all processors.
    pub(super) fn fill(&mut self, plan: &Plan<'_>) -> Result<(), WriteError> {
        let mut directories: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
        for (path, change) in &plan.changes {
            let (Change::Create(text) | Change::Replace { text, .. }) = change else {
                continue;
            };
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
            match directories.last_mut() {
                Some((last, files)) if *last == directory => files.push((name, text)),
                _ => directories.push((directory, vec![(name, text)])),
            }
        }
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let share = directories.len().div_ceil(threads).max(1);
        let (root, suffix) = (self.root, self.suffix.as_str());
        let results: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = directories
                .chunks(share)
                .map(|share| {
                    let stage = move |(directory, files): &(&str, Vec<_>)| {
                        stage_directory(root, suffix, directory, files)
                    };
                    scope.spawn(move || share.iter().map(stage).collect::<Vec<_>>())
                })
                .collect();
            workers
                .into_iter()
                .flat_map(|worker| {
                    worker
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        });
        let mut result = Ok(());
        for (directory, staged) in results {
            self.directories.push(directory);
            result = result.and(staged);
        }
        result
    }

    /// Puts everything staged in its place and removes what is stale; undoes both if either fails.
    pub(super) fn commit(mut self, plan: &Plan<'_>) -> Result<(), WriteError> {
        let mut done = Vec::new();
        let Err((path, source)) = self.replace(plan, &mut done) else {
            self.directories.clear();
            self.ancestors.clear();
            return Ok(());
        };
        for done in done.into_iter().rev() {
            let (undone, kept) = match done {
                Done::Created(place) => (fs::remove_file(&place), place),
                Done::Moved(from, to) => (fs::rename(to, from), to.to_owned()),
                Done::Lost(place, old) => (self.put_back(&place, old), place),
            };
            if undone.is_err() {
                return Err(WriteError::NotUndone { path, source, kept });
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
        &'p self,
        plan: &'p Plan<'_>,
        done: &mut Vec<Done<'p>>,
    ) -> Result<(), (PathBuf, io::Error)> {
        for (path, change) in &plan.changes {
            if let Change::Remove { old } = change {
                let place = self.root.join(path);
                fs::remove_file(&place).map_err(|error| (place.clone(), error))?;
                done.push(Done::Lost(place, old));
            }
        }
        let mut changes = plan
            .changes
            .values()
            .filter(|change| !matches!(change, Change::Remove { .. }));
        for directory in &self.directories {
            // Files were staged in the order of the plan.
            let changes = changes.by_ref().take(directory.files.len());
            if let Some(staged) = &directory.staged {
                fs::rename(staged, &directory.place)
                    .map_err(|error| (directory.place.clone(), error))?;
                done.push(Done::Moved(staged, &directory.place));
                changes.for_each(drop);
                continue;
            }
            for ((staged, place), change) in directory.files.iter().zip(changes) {
                fs::rename(staged, place).map_err(|error| (place.clone(), error))?;
                done.push(match change {
                    Change::Replace { old, .. } | Change::Remove { old } => {
                        Done::Lost(place.clone(), old)
                    }
                    Change::Create(_) => Done::Created(place.clone()),
                });
            }
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
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        // Best effort: what stays is stale to the next run.
        for directory in &self.directories {
            for (staged, _) in &directory.files {
                let _ = fs::remove_file(staged);
            }
            if let Some(staged) = &directory.staged {
                let _ = fs::remove_dir(staged);
            }
        }
        for directory in self.ancestors.iter().rev() {
            let _ = fs::remove_dir(directory);
        }
    }
}

/// Stages the files of one directory: beside their places, or in a new directory beside its place. What was
/// done is returned with the error, to be removed again.
fn stage_directory(
    root: &Path,
    suffix: &str,
    directory: &str,
    files: &[(&str, &str)],
) -> (Directory, Result<(), WriteError>) {
    let place = root.join(directory);
    let mut staging = Directory {
        place,
        staged: None,
        files: Vec::with_capacity(files.len()),
    };
    if !directory.is_empty() && !staging.place.exists() {
        let staged = root.join(format!(".{directory}.{suffix}"));
        if let Err(error) = fs::create_dir(&staged) {
            let error = WriteError::io("create", &staging.place)(error);
            return (staging, Err(error));
        }
        staging.staged = Some(staged);
    }
    for (name, text) in files {
        let place = staging.place.join(name);
        let staged = match &staging.staged {
            Some(directory) => directory.join(name),
            None => staging.place.join(format!(".{name}.{suffix}")),
        };
        let mut file = match File::create_new(&staged) {
            Ok(file) => file,
            Err(error) => return (staging, Err(WriteError::io("create", &place)(error))),
        };
        staging.files.push((staged, place.clone()));
        if let Err(error) = file.write_all(text.as_bytes()) {
            return (staging, Err(WriteError::io("write", &place)(error)));
        }
    }
    (staging, Ok(()))
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
        stage.fill(&plan).unwrap();
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
