//! Doing something as if the program had been started in another directory.

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
