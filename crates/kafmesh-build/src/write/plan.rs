//! The plan: what has to change in an output directory, worked out by reading alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::fs::{self, FileType};
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use super::WriteError;
use crate::module;

/// The ending of every generated file but `mod.rs`.
const EXTENSION: &str = ".km.rs";

/// The file that only the root of an output directory has; a directory with it is another definition's.
const ROOT_FILE: &str = "service.km.rs";

/// What has to change; paths are relative to the output directory, with forward slashes.
pub(super) struct Plan<'a> {
    pub(super) changes: BTreeMap<String, Change<'a>>,
    pub(super) unchanged: Vec<String>,
}

/// What has to happen to one file.
pub(super) enum Change<'a> {
    /// It is new.
    Create(&'a str),
    /// It has other contents.
    Replace { text: &'a str, old: Old },
    /// It is no longer generated.
    Remove { old: Old },
}

/// A file as it was before.
pub(super) struct Old {
    pub(super) contents: Vec<u8>,
    pub(super) modified: Option<SystemTime>,
}

impl<'a> Plan<'a> {
    /// Compares the output directory with `files`.
    pub(super) fn new(
        root: &Path,
        files: &'a BTreeMap<String, String>,
    ) -> Result<Self, WriteError> {
        let mut directories = Directories {
            root,
            seen: HashMap::new(),
        };
        let mut plan = Self {
            changes: BTreeMap::new(),
            unchanged: Vec::new(),
        };
        for (path, text) in files {
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
            match directories
                .entries(directory)?
                .get(OsStr::new(name))
                .copied()
            {
                None => {
                    plan.changes.insert(path.clone(), Change::Create(text));
                }
                Some(kind) => {
                    let old = read_generated(&root.join(path), kind)?;
                    if same_text(&old.contents, text.as_bytes()) {
                        plan.unchanged.push(path.clone());
                    } else {
                        plan.changes
                            .insert(path.clone(), Change::Replace { text, old });
                    }
                }
            }
        }
        for path in stale(&mut directories, files)? {
            let absolute = root.join(&path);
            let old = read(&absolute).map_err(WriteError::io("read", &absolute))?;
            plan.changes.insert(path, Change::Remove { old });
        }
        Ok(plan)
    }
}

/// Refuses an output directory that a symbolic link leads out of the current one. A path that is absolute or
/// climbs out by itself was meant so.
pub(super) fn check_root(root: &Path) -> Result<(), WriteError> {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !root.components().all(plain) {
        return Ok(());
    }
    let base = fs::canonicalize(".").map_err(WriteError::io("read", Path::new(".")))?;
    let existing = root.ancestors().find(|ancestor| ancestor.exists());
    let existing = existing
        .filter(|path| !path.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let target = fs::canonicalize(existing).map_err(WriteError::io("read", existing))?;
    if target.starts_with(&base) {
        return Ok(());
    }
    Err(WriteError::Outside {
        path: root.to_owned(),
        target,
        base,
    })
}

/// The directories of the output, each listed once.
struct Directories<'a> {
    root: &'a Path,
    seen: HashMap<String, HashMap<OsString, FileType>>,
}

impl Directories<'_> {
    /// What is in `directory`; nothing when it does not exist.
    fn entries(&mut self, directory: &str) -> Result<&HashMap<OsString, FileType>, WriteError> {
        if !self.seen.contains_key(directory) {
            let entries = self.list(directory)?;
            self.seen.insert(directory.to_owned(), entries);
        }
        Ok(&self.seen[directory])
    }

    fn list(&mut self, directory: &str) -> Result<HashMap<OsString, FileType>, WriteError> {
        let path = self.root.join(directory);
        if !directory.is_empty() {
            match self.entries("")?.get(OsStr::new(directory)) {
                None => return Ok(HashMap::new()),
                Some(kind) if kind.is_symlink() => return Err(WriteError::Symlink { path }),
                Some(kind) if !kind.is_dir() => {
                    return Err(WriteError::Unexpected {
                        path,
                        expected: "directory",
                    });
                }
                Some(_) => {}
            }
        }
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(WriteError::Unexpected {
                    path,
                    expected: "directory",
                });
            }
            Err(error) => return Err(WriteError::io("read", &path)(error)),
        };
        entries
            .map(|entry| {
                let entry = entry?;
                Ok((entry.file_name(), entry.file_type()?))
            })
            .collect::<io::Result<_>>()
            .map_err(WriteError::io("read", &path))
    }
}

/// Generated files that are not among `files`. The generator writes to the output directory and the
/// directories right in it, so nothing deeper can be its own.
fn stale(
    directories: &mut Directories<'_>,
    files: &BTreeMap<String, String>,
) -> Result<BTreeSet<String>, WriteError> {
    let root = directories.root;
    let mut candidates: Vec<(String, OsString)> = Vec::new();
    let mut subdirectories = Vec::new();
    for (name, kind) in directories.entries("")? {
        if kind.is_dir() {
            subdirectories.extend(name.to_str().map(str::to_owned));
        } else if kind.is_file() {
            candidates.push((String::new(), name.clone()));
        }
    }
    for directory in subdirectories {
        let entries = directories.entries(&directory)?;
        if entries.contains_key(OsStr::new(ROOT_FILE)) {
            continue;
        }
        let regular = entries.iter().filter(|(_, kind)| kind.is_file());
        candidates.extend(regular.map(|(name, _)| (format!("{directory}/"), name.clone())));
    }
    let mut stale = BTreeSet::new();
    for (directory, name) in candidates {
        let Some(name) = name.to_str() else { continue };
        let path = format!("{directory}{name}");
        if files.contains_key(&path) {
            continue;
        }
        let absolute = root.join(&path);
        let ours = name.ends_with(EXTENSION)
            || name == "mod.rs"
                && begins_generated(&absolute).map_err(WriteError::io("read", &absolute))?;
        if ours {
            stale.insert(path);
        }
    }
    Ok(stale)
}

/// The file at `path`, when it may be replaced.
fn read_generated(path: &Path, kind: FileType) -> Result<Old, WriteError> {
    let path = PathBuf::from(path);
    if kind.is_symlink() {
        return Err(WriteError::Symlink { path });
    }
    if !kind.is_file() {
        return Err(WriteError::Unexpected {
            path,
            expected: "file",
        });
    }
    let old = read(&path).map_err(WriteError::io("read", &path))?;
    let by_name = path.to_str().is_some_and(|path| path.ends_with(EXTENSION));
    if by_name || module::is_generated(&old.contents) {
        Ok(old)
    } else {
        Err(WriteError::Foreign { path })
    }
}

fn read(path: &Path) -> io::Result<Old> {
    let mut file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    let mut contents = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
    file.read_to_end(&mut contents)?;
    Ok(Old {
        contents,
        modified: metadata.modified().ok(),
    })
}

/// Whether the file begins with the generator's header.
fn begins_generated(path: &Path) -> io::Result<bool> {
    let mut start = Vec::new();
    fs::File::open(path)?.take(256).read_to_end(&mut start)?;
    Ok(module::is_generated(&start))
}

/// Whether two texts are equal but for how lines end: git may check files out with CRLF.
fn same_text(old: &[u8], new: &[u8]) -> bool {
    old == new
        || old.len() > new.len() && {
            let mut without_returns = old.to_vec();
            without_returns.retain(|byte| *byte != b'\r');
            without_returns == new
        }
}
