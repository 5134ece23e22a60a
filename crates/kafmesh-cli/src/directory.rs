//! The current directory: showing paths relative to it, and acting as if it were another.

use std::env;
use std::path::Path;

use crate::exit::Failure;

/// Runs `f` in `directory`, and comes back.
///
/// Generation names files relative to the directory it runs in, in what it writes and in what it
/// says; this is for commands that do it for a project elsewhere. The current directory is the whole
/// process's, so only the main thread may call this.
pub(crate) fn inside<T>(directory: &Path, f: impl FnOnce() -> T) -> Result<T, Failure> {
    let fail = |error| Failure::new(format!("cannot enter {}", directory.display()), error);
    if directory.as_os_str().is_empty() {
        return Ok(f());
    }
    let before = env::current_dir().map_err(fail)?;
    env::set_current_dir(directory).map_err(fail)?;
    let result = f();
    env::set_current_dir(before).map_err(fail)?;
    Ok(result)
}

/// `path` for people: relative to the current directory where it is below.
pub(crate) fn shown(path: &Path) -> String {
    let here = env::current_dir()
        .and_then(|here| here.canonicalize())
        .unwrap_or_default();
    path.strip_prefix(here)
        .or_else(|_| path.strip_prefix("."))
        .unwrap_or(path)
        .display()
        .to_string()
}
