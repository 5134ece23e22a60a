//! Where downloaded and compiled tools are kept between runs, outside the source tree.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::{interrupt, say};

/// `$XDG_CACHE_HOME/kafmesh`, else `~/.cache/kafmesh`.
pub(crate) fn directory() -> Result<PathBuf> {
    locate(std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME"))
}

fn locate(xdg: Option<OsString>, home: Option<OsString>) -> Result<PathBuf> {
    // The XDG specification has relative paths ignored.
    let xdg = xdg.map(PathBuf::from).filter(|path| path.is_absolute());
    let home = home
        .filter(|path| !path.is_empty())
        .map(|home| Path::new(&home).join(".cache"));
    let base = xdg
        .or(home)
        .context("neither XDG_CACHE_HOME nor HOME is set: there is nowhere to keep downloads")?;
    Ok(base.join("kafmesh"))
}

/// The cached folder `name`, made by `fill` when it is not there yet.
///
/// `fill` works in a folder that gets its name only once it is complete, so a run that was cut short leaves nothing
/// that looks finished. Of several runs at the same time one fills, the others wait.
pub(crate) fn folder(name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    folder_in(&directory()?, name, fill)
}

fn folder_in(cache: &Path, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let done = cache.join(name);
    if done.is_dir() {
        return Ok(done);
    }
    let io = || format!("cannot write to the cache {}", cache.display());
    fs::create_dir_all(cache).with_context(io)?;
    let lock = File::create(cache.join(format!("{name}.lock"))).with_context(io)?;
    wait_for(&lock, name)?;
    if done.is_dir() {
        return Ok(done);
    }
    let partial = cache.join(format!("{name}.partial"));
    if partial.exists() {
        fs::remove_dir_all(&partial).with_context(io)?;
    }
    fs::create_dir(&partial).with_context(io)?;
    fill(&partial)?;
    fs::rename(&partial, &done).with_context(io)?;
    Ok(done)
}

fn wait_for(lock: &File, name: &str) -> Result<()> {
    let mut said = false;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {
                if !said {
                    say::note(format!("another run is preparing {name}: waiting for it"));
                    said = true;
                }
                interrupt::tick()?;
            }
            Err(TryLockError::Error(error)) => return Err(error).context("cannot lock the cache"),
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn xdg_comes_first_when_absolute() {
        let at = |xdg: Option<&str>, home: Option<&str>| {
            locate(xdg.map(Into::into), home.map(Into::into))
        };
        assert_eq!(at(Some("/x"), Some("/h")).unwrap(), Path::new("/x/kafmesh"));
        assert_eq!(
            at(Some("x"), Some("/h")).unwrap(),
            Path::new("/h/.cache/kafmesh")
        );
        assert_eq!(
            at(None, Some("/h")).unwrap(),
            Path::new("/h/.cache/kafmesh")
        );
        assert!(
            at(Some(""), Some(""))
                .unwrap_err()
                .to_string()
                .contains("XDG_CACHE_HOME")
        );
    }

    #[test]
    fn a_failed_fill_leaves_nothing_and_can_be_repeated() {
        let scratch = Scratch::new("cache-test").unwrap();
        let failed = folder_in(scratch.path(), "thing", |at| {
            fs::write(at.join("half"), "")?;
            bail!("cut short")
        });
        assert_eq!(failed.unwrap_err().to_string(), "cut short");
        assert!(!scratch.path().join("thing").exists());

        let made = folder_in(scratch.path(), "thing", |at| {
            Ok(fs::write(at.join("whole"), "")?)
        })
        .unwrap();
        assert!(made.join("whole").exists());
        assert!(!made.join("half").exists());
    }

    #[test]
    fn a_filled_folder_is_reused() {
        let scratch = Scratch::new("cache-test").unwrap();
        folder_in(scratch.path(), "thing", |_| Ok(())).unwrap();
        folder_in(scratch.path(), "thing", |_| bail!("filled twice")).unwrap();
    }
}
