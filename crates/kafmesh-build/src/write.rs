//! Writing: replaces the generated part of an output directory as a whole, or leaves it as it was.
//!
//! Everything is rendered before, staged beside its destination first and renamed last, so that what can
//! fail (permissions, a full disk, a file that is somebody else's) fails before anything has changed. Should
//! a rename fail after all, what was done is undone.
//!
//! Generated are files whose names end in `.km.rs`, and each `mod.rs` with the generator's header. Nothing
//! else is overwritten or removed.

mod error;
mod lock;
mod plan;
mod stage;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub use error::WriteError;

use crate::generated::Generated;
use plan::{Change, Plan};
use stage::Stage;

/// What [`write()`] did; paths are relative to the output directory, sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Files that are new or have new contents.
    pub written: Vec<PathBuf>,
    /// Files that were right already; their modification times are kept.
    pub unchanged: Vec<PathBuf>,
    /// Generated files that no longer belong to the definition.
    pub removed: Vec<PathBuf>,
}

/// One way in which an output directory differs from the definition.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The file, relative to the output directory.
    pub path: PathBuf,
    /// What [`write()`] would do about it.
    pub kind: DifferenceKind,
}

/// How a file differs from the definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DifferenceKind {
    /// It is not there.
    Missing,
    /// It has other contents.
    Changed,
    /// It was generated and no longer belongs to the definition.
    Stale,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match self.kind {
            DifferenceKind::Missing => "is missing",
            DifferenceKind::Changed => "is out of date",
            DifferenceKind::Stale => "no longer belongs to the definition",
        };
        write!(f, "{} {what}", self.path.display())
    }
}

/// Makes the generated part of the output directory `root` equal to `generated`.
///
/// The directory is created if need be. Runs at the same time wait for one another (on Unix; elsewhere each
/// file is replaced atomically).
///
/// # Errors
///
/// When a file cannot be written, or belongs to somebody else, or lies behind a symbolic link. The output is
/// then as it was.
///
/// ```
/// # fn example(generated: &kafmesh_build::Generated) -> Result<(), kafmesh_build::WriteError> {
/// let report = kafmesh_build::write("internal/definitions".as_ref(), generated)?;
/// println!("{} files written", report.written.len());
/// # Ok(())
/// # }
/// ```
pub fn write(root: &Path, generated: &Generated) -> Result<Report, WriteError> {
    plan::check_root(root)?;
    let mut stage = Stage::new(root)?;
    let _lock = lock::exclusive(root)?;
    let plan = Plan::new(root, generated.files())?;
    stage.fill(&plan)?;
    stage.commit(&plan)?;

    let mut report = Report {
        unchanged: plan.unchanged.into_iter().map(PathBuf::from).collect(),
        ..Report::default()
    };
    let mut emptied = BTreeSet::new();
    for (path, change) in plan.changes {
        match change {
            Change::Create(_) | Change::Replace { .. } => report.written.push(path.into()),
            Change::Remove { .. } => {
                emptied.extend(
                    path.rsplit_once('/')
                        .map(|(directory, _)| directory.to_owned()),
                );
                report.removed.push(path.into());
            }
        }
    }
    for directory in emptied {
        // Fails when the user has files in it; then it stays.
        let _ = std::fs::remove_dir(root.join(directory));
    }
    Ok(report)
}

/// How the output directory `root` differs from `generated`, without changing anything.
///
/// # Errors
///
/// When the directory cannot be read, or [`write()`] would refuse to replace one of its files.
pub fn compare(root: &Path, generated: &Generated) -> Result<Vec<Difference>, WriteError> {
    plan::check_root(root)?;
    let _lock = lock::shared(root)?;
    let plan = Plan::new(root, generated.files())?;
    let differences = plan.changes.into_iter().map(|(path, change)| Difference {
        path: path.into(),
        kind: match change {
            Change::Create(_) => DifferenceKind::Missing,
            Change::Replace { .. } => DifferenceKind::Changed,
            Change::Remove { .. } => DifferenceKind::Stale,
        },
    });
    Ok(differences.collect())
}
