//! Checks what a command needs before it begins, and installs it where that is safe to do: with apt-get on Debian and
//! Ubuntu. Elsewhere it says what to type.

mod packages;

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::say;
use packages::Manager;

/// The oldest Java that runs a Kafka 4 server.
const OLDEST_JAVA: u32 = 17;

/// Something a command needs on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// librdkafka, the Kafka client library, is compiled from C.
    CCompiler,
    /// librdkafka's `configure` insists on one, and its makefile builds the C++ bindings too.
    CxxCompiler,
    /// Builds librdkafka.
    Make,
    /// librdkafka's `configure` is a bash script.
    Bash,
    /// Runs the Kafka server and Neo4j.
    Java,
    /// Fetches the servers.
    Maven,
    /// Unpacks the PostgreSQL server.
    Xz,
    /// Fetches Go, and sets Neo4j's password.
    Curl,
    /// Unpacks Go.
    Unzip,
    /// librdkafka with TLS is compiled against it; only the test of TLS is.
    OpenSsl,
}

/// What building the workspace needs.
pub(crate) const BUILD: [Need; 4] = [Need::CCompiler, Need::CxxCompiler, Need::Make, Need::Bash];

impl Need {
    fn describe(self) -> &'static str {
        match self {
            Self::CCompiler => "a C compiler with its headers (cc)",
            Self::CxxCompiler => {
                "a C++ compiler (c++, g++ or clang++), which librdkafka's build asks for"
            }
            Self::Make => "make",
            Self::Bash => "bash",
            Self::Java => "Java 17 or newer (java, or JAVA_HOME), which runs Kafka and Neo4j",
            Self::Maven => "Maven (mvn), which fetches the servers",
            Self::OpenSsl => "OpenSSL's headers, and pkg-config, which finds them",
            Self::Xz => "xz, which unpacks the PostgreSQL server",
            Self::Curl => "curl, which fetches Go and talks to Neo4j",
            Self::Unzip => "unzip, which unpacks Go",
        }
    }
}

/// Makes sure that all `needs` are there.
///
/// # Errors
/// When something is missing that cannot be installed from here; the message has the line to type.
pub(crate) fn ensure(needs: &[Need]) -> Result<()> {
    let machine = Machine::this();
    let missing = machine.missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    say::step("something needed is missing on this machine");
    for need in &missing {
        say::note(need.describe());
    }
    let manager = machine.manager();
    if manager != Some(Manager::Apt) {
        bail!("{}", packages::advice(manager, &missing));
    }
    install(&missing)?;
    let missing = machine.missing(&missing);
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|need| need.describe()).collect();
        bail!(
            "still missing after the installation: {}; are PATH and JAVA_HOME as they should be?",
            names.join(", ")
        );
    }
    Ok(())
}

/// Makes sure that `cargo fmt` and `cargo clippy` can be run.
pub(crate) fn ensure_rust_components() -> Result<()> {
    let runs = |tool: &str| succeeds(Command::new("cargo").args([tool, "--version"]));
    let missing: Vec<_> = [("fmt", "rustfmt"), ("clippy", "clippy")]
        .iter()
        .filter(|(tool, _)| !runs(tool))
        .map(|(_, c)| *c)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("rustup component add {}", missing.join(" "));
    if program("rustup").is_none() {
        bail!(
            "the Rust toolchain lacks {}; with rustup the line is: {line}",
            missing.join(" and ")
        );
    }
    say::step(format!("installing what the Rust toolchain lacks: {line}"));
    let status = Command::new("rustup")
        .args(["component", "add"])
        .args(&missing)
        .stdin(Stdio::null())
        .status();
    if !status.context("cannot run rustup")?.success() {
        bail!("`{line}` failed");
    }
    Ok(())
}

/// The Java to run: that of `JAVA_HOME` when set, as Maven does it, else the one on the `PATH`.
pub(crate) fn java() -> PathBuf {
    java_in(std::env::var_os("JAVA_HOME"))
}

fn java_in(home: Option<OsString>) -> PathBuf {
    let home = home.filter(|home| !home.is_empty());
    home.map_or_else(
        || PathBuf::from("java"),
        |home| Path::new(&home).join("bin/java"),
    )
}

/// Where `name` is on the `PATH`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    find(name, &std::env::var_os("PATH").unwrap_or_default())
}

/// What has to be known of a machine to tell what it lacks.
struct Machine {
    path: OsString,
    java: PathBuf,
    java_version: fn(&Path) -> Option<u32>,
    os_release: String,
}

impl Machine {
    fn this() -> Self {
        Self {
            path: std::env::var_os("PATH").unwrap_or_default(),
            java: java(),
            java_version: |java| {
                let output = Command::new(java)
                    .arg("-version")
                    .stdin(Stdio::null())
                    .output()
                    .ok()?;
                parse_java_version(&String::from_utf8_lossy(&output.stderr))
            },
            os_release: std::fs::read_to_string("/etc/os-release").unwrap_or_default(),
        }
    }

    fn missing(&self, needs: &[Need]) -> Vec<Need> {
        needs
            .iter()
            .copied()
            .filter(|need| !self.has(*need))
            .collect()
    }

    fn has(&self, need: Need) -> bool {
        let find = |program: &str| find(program, &self.path);
        match need {
            // A compiler without the C library's headers is a usual state of slim container images.
            Need::CCompiler => find("cc").is_some_and(|cc| {
                succeeds(Command::new(cc).args([
                    "-E",
                    "-x",
                    "c",
                    "-include",
                    "stdio.h",
                    "/dev/null",
                ]))
            }),
            Need::CxxCompiler => ["c++", "g++", "clang++"]
                .iter()
                .any(|name| find(name).is_some()),
            Need::Make => find("make").is_some(),
            Need::Bash => find("bash").is_some(),
            // With a directory in its name the file itself is meant, as with every command.
            Need::Java => find_java(&self.java, &self.path)
                .and_then(|java| (self.java_version)(&java))
                .is_some_and(|version| version >= OLDEST_JAVA),
            Need::Maven => find("mvn").is_some(),
            Need::Xz => find("xz").is_some(),
            Need::Curl => find("curl").is_some(),
            Need::Unzip => find("unzip").is_some(),
            Need::OpenSsl => find("pkg-config").is_some_and(|pkg_config| {
                succeeds(Command::new(pkg_config).args(["--exists", "openssl"]))
            }),
        }
    }

    fn manager(&self) -> Option<Manager> {
        if cfg!(target_os = "macos") {
            return Some(Manager::Brew);
        }
        Manager::of(&self.os_release)
            .filter(|manager| *manager != Manager::Apt || find("apt-get", &self.path).is_some())
    }
}

fn find_java(java: &Path, path: &OsStr) -> Option<PathBuf> {
    if java.components().count() > 1 {
        return is_executable(java).then(|| java.to_owned());
    }
    find(java, path)
}

/// The file a shell would run for `program`.
fn find(program: impl AsRef<Path>, path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path)
        .map(|folder| folder.join(&program))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

fn succeeds(command: &mut Command) -> bool {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// The major version in what `java -version` prints: `openjdk version "17.0.15" 2025-04-15`, `java version "1.8.0_292"`.
fn parse_java_version(output: &str) -> Option<u32> {
    let quoted = output.split_once("version \"")?.1;
    let mut numbers = quoted
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|number| number.parse().ok());
    match numbers.next()? {
        // Up to Java 8 the version began with `1.`.
        1 => numbers.next(),
        major => Some(major),
    }
}

fn install(missing: &[Need]) -> Result<()> {
    let root = nix::unistd::geteuid().is_root();
    if !root && program("sudo").is_none() {
        bail!("{}", packages::advice(Some(Manager::Apt), missing));
    }
    let apt = |arguments: &[&str]| {
        let mut command = Command::new(if root { "env" } else { "sudo" });
        if !root {
            command.arg("env");
        }
        // In the foreground with the terminal as input, for sudo may ask for a password; apt-get itself must not ask.
        command
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get"])
            // Without this it draws percentages even into files.
            .arg("--option=Dpkg::Use-Pty=0")
            .args(arguments)
            // Standard output is for what was asked for, such as a broker's address.
            .stdout(std::io::stderr());
        command.status().context("cannot run apt-get")
    };
    say::step("installing it with apt-get");
    if !apt(&["update", "-qq"])?.success() {
        say::note("apt-get update failed; trying with the package lists as they are");
    }
    // `apt-cache show` also knows packages that others mention but the release does not have.
    let installable = |package: &str| {
        succeeds(Command::new("apt-get").args(["--simulate", "-qq", "install", package]))
    };
    let names = packages::apt(missing, installable);
    say::note(format!("apt-get install {}", names.join(" ")));
    let mut arguments = vec!["install", "--yes", "-qq", "--no-install-recommends"];
    arguments.extend(&names);
    if !apt(&arguments)?.success() {
        bail!("apt-get could not install {}", names.join(" "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::scratch::Scratch;

    const EVERYTHING: [Need; 10] = [
        Need::CCompiler,
        Need::CxxCompiler,
        Need::Make,
        Need::Bash,
        Need::Java,
        Need::Maven,
        Need::Xz,
        Need::Curl,
        Need::Unzip,
        Need::OpenSsl,
    ];

    /// A machine whose `PATH` has these programs, each doing what `true` or `false` does.
    fn machine(
        scratch: &Scratch,
        programs: &[(&str, &str)],
        java_version: fn(&Path) -> Option<u32>,
    ) -> Machine {
        for (name, behaves_like) in programs {
            let target = find(behaves_like, &std::env::var_os("PATH").unwrap()).unwrap();
            symlink(target, scratch.path().join(name)).unwrap();
        }
        Machine {
            path: scratch.path().into(),
            java: "java".into(),
            java_version,
            os_release: "ID=debian\n".into(),
        }
    }

    #[test]
    fn an_empty_machine_lacks_everything() {
        let scratch = Scratch::new("require-test").unwrap();
        let machine = machine(&scratch, &[], |_| Some(21));
        assert_eq!(machine.missing(&EVERYTHING), EVERYTHING);
        assert_eq!(machine.manager(), None, "Debian, but without apt-get");
    }

    #[test]
    fn a_whole_machine_lacks_nothing() {
        let scratch = Scratch::new("require-test").unwrap();
        let all = [
            "cc",
            "g++",
            "make",
            "bash",
            "java",
            "mvn",
            "xz",
            "curl",
            "unzip",
            "pkg-config",
            "apt-get",
        ]
        .map(|name| (name, "true"));
        let machine = machine(&scratch, &all, |_| Some(17));
        assert_eq!(machine.missing(&EVERYTHING), []);
        assert_eq!(machine.manager(), Some(Manager::Apt));
    }

    #[test]
    fn what_is_there_but_unusable_counts_as_missing() {
        let scratch = Scratch::new("require-test").unwrap();
        let machine = machine(
            &scratch,
            &[("cc", "false"), ("java", "true"), ("make", "true")],
            |_| Some(11),
        );
        std::fs::write(scratch.path().join("mvn"), "not executable").unwrap();
        std::fs::create_dir(scratch.path().join("bash")).unwrap();
        assert_eq!(
            machine.missing(&EVERYTHING),
            [
                Need::CCompiler,
                Need::CxxCompiler,
                Need::Bash,
                Need::Java,
                Need::Maven,
                Need::Xz,
                Need::Curl,
                Need::Unzip,
                Need::OpenSsl
            ]
        );
    }

    #[test]
    fn java_home_wins_over_the_path() {
        assert_eq!(
            java_in(Some("/opt/jdk".into())),
            Path::new("/opt/jdk/bin/java")
        );
        assert_eq!(java_in(Some("".into())), Path::new("java"));
        assert_eq!(java_in(None), Path::new("java"));
    }

    #[test]
    fn java_versions_are_understood() {
        for (output, expected) in [
            (
                "openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment",
                Some(17),
            ),
            ("java version \"1.8.0_292\"", Some(8)),
            ("openjdk version \"25\" 2025-09-16", Some(25)),
            (
                "Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version \"21-ea\"",
                Some(21),
            ),
            ("Unable to locate a Java Runtime.", None),
        ] {
            assert_eq!(parse_java_version(output), expected, "{output}");
        }
    }
}
