//! The Go that compiles: the installed one when it is new enough, else one that is fetched and kept.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::checksum;
use crate::require::{self, Need};
use crate::{cache, process, say};

/// The oldest Go that compiles everything in `xtask/go`.
const OLDEST: (u32, u32) = (1, 26);

/// The Go that is fetched.
const VERSION: &str = "1.26.8";

/// The executable `go`.
pub(super) fn provide() -> Result<PathBuf> {
    if let Some(installed) = require::program("go")
        && version(&installed).is_some_and(|version| version >= OLDEST)
    {
        return Ok(installed);
    }
    let folder = cache::folder(&format!("go-{VERSION}"), fetch)?;
    Ok(folder.join("go/bin/go"))
}

fn version(go: &Path) -> Option<(u32, u32)> {
    // What it is itself, not what a module or the environment would have it fetch.
    let output = Command::new(go)
        .arg("version")
        .env("GOTOOLCHAIN", "local")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// The version in what `go version` prints: `go version go1.26.8 linux/amd64`. One that was not released (`go1.26rc1`)
/// is not taken for one that was.
fn parse_version(output: &str) -> Option<(u32, u32)> {
    let version = output.split_whitespace().nth(2)?.strip_prefix("go")?;
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// The toolchain for a system as the Go module proxy names it, and its checksum in the public checksum database.
fn published(system: &str, processor: &str) -> Result<(&'static str, &'static str)> {
    Ok(match (system, processor) {
        ("linux", "x86_64") => (
            "linux-amd64",
            "h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=",
        ),
        ("linux", "aarch64") => (
            "linux-arm64",
            "h1:sYL/O6MqS68ML0kjsQ36WoYIpJqkw60TxizWUYUKQMc=",
        ),
        ("macos", "x86_64") => (
            "darwin-amd64",
            "h1:7/9KPPN8PckcA9s91hm2jmQMhzW4KyTJXHIs45L0C9M=",
        ),
        ("macos", "aarch64") => (
            "darwin-arm64",
            "h1:dFjGhY6f8DTsY8/rLchUTDRRfjJP4pCrGCwxvHFT2Fg=",
        ),
        _ => bail!(
            "no checksum of Go {VERSION} for {system} on {processor} is known here: install Go {}.{} or newer",
            OLDEST.0,
            OLDEST.1
        ),
    })
}

/// The proxy that modules come from, the first if `GOPROXY` names several; `None` if it names none, which leaves it to
/// Go.
pub(super) fn proxy() -> Option<String> {
    first_proxy(&std::env::var("GOPROXY").unwrap_or_default())
}

fn first_proxy(setting: &str) -> Option<String> {
    let mut entries = setting.split([',', '|']).map(str::trim);
    let proxy = entries.find(|entry| entry.contains("://"))?;
    Some(proxy.trim_end_matches('/').to_owned())
}

fn fetch(folder: &Path) -> Result<()> {
    let (platform, sum) = published(std::env::consts::OS, std::env::consts::ARCH)?;
    let Some(proxy) = proxy() else {
        bail!(
            "no Go {}.{} or newer is installed, and GOPROXY names no module proxy to fetch one from: install Go, or \
             set GOPROXY",
            OLDEST.0,
            OLDEST.1
        );
    };
    require::ensure(&[Need::Curl, Need::Unzip])?;
    say::step(format!(
        "fetching Go {VERSION} from {proxy} (72 MB, only the first time; kept in {})",
        cache::directory()?.display()
    ));
    let version = format!("v0.0.1-go{VERSION}.{platform}");
    let url = format!("{proxy}/golang.org/toolchain/@v/{version}.zip");
    let archive = folder.join("go.zip");
    let mut curl = process::tethered("curl");
    curl.args(["--fail", "--location", "--silent", "--show-error"])
        .args(["--retry", "3", "--output"])
        .args([&archive, Path::new(&url)]);
    if !process::run(&mut curl)?.success() {
        bail!(
            "cannot fetch {url}: is it reachable from here (GOPROXY names another proxy), or can you install Go {}.{} \
             or newer?",
            OLDEST.0,
            OLDEST.1
        );
    }
    let unpacked = folder.join("unpacked");
    let mut unzip = process::tethered("unzip");
    unzip.args([Path::new("-q"), &archive, Path::new("-d"), &unpacked]);
    if !process::run(&mut unzip)?.success() {
        bail!("cannot unpack what {url} sent");
    }
    let found = checksum::of(&unpacked)?;
    if found != sum {
        bail!("what {url} sent is not Go {VERSION}: its checksum is {found}, not {sum}");
    }
    let root = unpacked.join(format!("golang.org/toolchain@{version}"));
    let finish = || {
        complete(&root)?;
        fs::rename(&root, folder.join("go"))?;
        fs::remove_dir_all(&unpacked)?;
        fs::remove_file(&archive)
    };
    finish().with_context(|| format!("cannot write to {}", folder.display()))
}

/// Gives back what an archive of a module cannot have: executables, and modules in it, whose `go.mod` has another name.
fn complete(root: &Path) -> std::io::Result<()> {
    for module in ["src", "src/cmd"].map(|module| root.join(module)) {
        fs::rename(module.join("_go.mod"), module.join("go.mod"))?;
    }
    let mut folders = vec![root.join("bin"), root.join("pkg/tool")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                fs::set_permissions(path, Permissions::from_mode(0o755))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_understood() {
        for (output, expected) in [
            ("go version go1.26.8 linux/amd64\n", Some((1, 26))),
            ("go version go1.19 darwin/arm64", Some((1, 19))),
            ("go version go1.27.0 X:nodwarf5 linux/amd64", Some((1, 27))),
            ("go version go1.26rc1 linux/amd64", None),
            ("go version devel go1.27-8b2f3e linux/amd64", None),
            ("", None),
        ] {
            assert_eq!(parse_version(output), expected, "{output}");
        }
        assert!(parse_version(&format!("go version go{VERSION} x")) >= Some(OLDEST));
    }

    #[test]
    fn every_module_is_within_reach_of_the_oldest_go() {
        let modules = fs::read_dir(crate::root().join("xtask/go")).unwrap();
        for folder in modules.map(|folder| folder.unwrap().path()) {
            let module = fs::read_to_string(folder.join("go.mod")).unwrap();
            let wanted = module
                .lines()
                .find_map(|line| line.strip_prefix("go "))
                .unwrap();
            let wanted = parse_version(&format!("go version go{wanted}")).unwrap();
            assert!(wanted <= OLDEST, "{}: {wanted:?}", folder.display());
        }
    }

    #[test]
    fn the_first_proxy_is_asked() {
        for (setting, expected) in [
            ("", None),
            ("direct", None),
            ("off", None),
            (
                "https://one.example/go/,https://two.example,direct",
                Some("https://one.example/go"),
            ),
            ("https://one.example|direct", Some("https://one.example")),
            ("direct,file:///srv/modules", Some("file:///srv/modules")),
        ] {
            assert_eq!(first_proxy(setting).as_deref(), expected, "{setting}");
        }
    }

    #[test]
    fn systems_without_a_known_checksum_are_told_what_to_do() {
        for processor in ["x86_64", "aarch64"] {
            assert!(published("linux", processor).is_ok());
        }
        let error = published("linux", "riscv64").unwrap_err().to_string();
        assert!(error.ends_with("install Go 1.26 or newer"), "{error}");
    }
}
