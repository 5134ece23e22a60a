//! `cargo xtask servers`, run as people run it, with stand-ins for the servers that start at once.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test fails like the test itself"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Everything has to be gone this long after Ctrl-C.
const LIMIT: Duration = Duration::from_secs(5);

/// A machine with the stand-ins on its `PATH`, and temporary and cache folders of its own.
struct Machine {
    folder: PathBuf,
}

impl Machine {
    fn new(name: &str) -> Self {
        Self::new_in(Path::new(env!("CARGO_TARGET_TMPDIR")), name)
    }

    fn new_in(base: &Path, name: &str) -> Self {
        let folder = base.join(format!("servers-{name}"));
        let _ = fs::remove_dir_all(&folder);
        for part in ["tmp", "cache", "log"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        // PostgreSQL does not run as root, and neither does its stand-in.
        let everybody = fs::Permissions::from_mode(0o777);
        fs::set_permissions(folder.join("log"), everybody).unwrap();
        Self { folder }
    }

    fn xtask(&self, arguments: &[&str]) -> Command {
        let stand_ins = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bin");
        let path = std::env::var_os("PATH").unwrap();
        let path =
            std::env::join_paths([stand_ins].into_iter().chain(std::env::split_paths(&path)));
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(arguments)
            .env("PATH", path.unwrap())
            .env("TMPDIR", self.folder.join("tmp"))
            .env("XDG_CACHE_HOME", self.folder.join("cache"))
            .env("FAKE_LOG", self.folder.join("log"))
            .env_remove("JAVA_HOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts Kafka and waits until its address is known.
    fn start(&self, arguments: &[&str]) -> Running {
        self.start_server(&[&["kafka"], arguments].concat())
    }

    /// Starts a server and waits until its address is known.
    fn start_server(&self, arguments: &[&str]) -> Running {
        let mut child = self
            .xtask(&[&["servers"], arguments].concat())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut running = Running {
            child,
            output,
            address: String::new(),
        };
        running.address = running.line();
        running
    }

    /// The process ids of the servers started so far.
    fn servers(&self) -> Vec<Pid> {
        let ids = fs::read_to_string(self.folder.join("log/servers")).unwrap();
        ids.lines()
            .map(|id| Pid::from_raw(id.parse().unwrap()))
            .collect()
    }

    fn temporary_folders(&self) -> Vec<PathBuf> {
        fs::read_dir(self.folder.join("tmp"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    }
}

struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Running {
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn order(&mut self, order: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{order}").unwrap();
        self.line()
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A zombie counts as gone: whether and when an orphan is reaped is up to the system's first process.
fn is_alive(process: Pid) -> bool {
    let zombie = fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| {
        stat.rsplit(')')
            .next()
            .is_some_and(|rest| rest.starts_with(" Z"))
    });
    kill(process, None).is_ok() && !zombie
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn ctrl_c_leaves_nothing_behind() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let machine = Machine::new("ctrl-c");
        let mut running = machine.start(&[]);
        assert_eq!(
            running.address.matches("127.0.0.1:").count(),
            3,
            "{}",
            running.address
        );
        let servers = machine.servers();
        assert_eq!(servers.len(), 3);
        assert!(servers.iter().all(|server| is_alive(*server)));

        let asked = Instant::now();
        running.signal(signal);
        assert_eq!(running.child.wait().unwrap().code(), Some(130), "{signal}");
        assert!(
            asked.elapsed() < LIMIT,
            "{signal} took {:?}",
            asked.elapsed()
        );
        assert!(!servers.iter().any(|server| is_alive(*server)), "{signal}");
        assert_eq!(machine.temporary_folders(), [] as [PathBuf; 0], "{signal}");
    }
}

#[test]
fn postgres_is_asked_to_leave_in_order() {
    // Where everybody may look, which the folder of the repository need not be.
    let base = std::env::temp_dir().join(format!("kafmesh-xtask-{}", std::process::id()));
    let machine = Machine::new_in(&base, "postgres");
    let mut running = machine.start_server(&["postgres"]);
    assert!(
        running
            .address
            .starts_with("DATABASE_URL=postgres://postgres@127.0.0.1:"),
        "{}",
        running.address
    );
    let servers = machine.servers();
    assert!(servers.len() == 1 && is_alive(servers[0]));
    running.signal(Signal::SIGINT);
    assert_eq!(running.child.wait().unwrap().code(), Some(130));
    assert_eq!(
        fs::read_to_string(machine.folder.join("log/orderly")).unwrap(),
        "left\n"
    );
    assert_eq!(machine.temporary_folders(), [] as [PathBuf; 0]);
    fs::remove_dir_all(base).unwrap();
}

#[test]
fn neo4j_gets_a_password_once_however_late_it_says_so() {
    let machine = Machine::new("neo4j");
    let mut running = machine.start_server(&["neo4j"]);
    let address = running.address.clone();
    let password = address
        .strip_prefix("KAFMESH_TEST_NEO4J=bolt://neo4j:")
        .and_then(|rest| Some(rest.split_once("@127.0.0.1:")?.0));
    let password = password.unwrap_or_else(|| panic!("{address}"));
    let requests = fs::read_to_string(machine.folder.join("log/requests")).unwrap();
    let requests: Vec<_> = requests.lines().collect();
    assert_eq!(requests.len(), 3, "{requests:?}");
    assert!(requests[0].contains(&format!("--user neo4j:{password} ")));
    assert!(requests[1].contains("--user neo4j:neo4j "), "{requests:?}");
    assert!(requests[1].contains(&format!("TO '{password}'")));
    assert!(requests[2].contains(&format!("--user neo4j:{password} ")));

    let servers = machine.servers();
    assert!(servers.len() == 1 && is_alive(servers[0]));
    running.signal(Signal::SIGINT);
    assert_eq!(running.child.wait().unwrap().code(), Some(130));
    assert!(!is_alive(servers[0]));
    assert_eq!(machine.temporary_folders(), [] as [PathBuf; 0]);
}

#[test]
fn programs_are_compiled_once() {
    let machine = Machine::new("compiled");
    let kubernetes = |fails: &str| {
        machine
            .xtask(&["servers", "kubernetes"])
            .env("FAKE_CRASH", fails)
            .env_remove("KUBEBUILDER_ASSETS")
            .output()
            .unwrap()
    };
    let failed = kubernetes("yes");
    let stderr = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(failed.stdout, b"");
    assert!(stderr.contains("the disk is full"), "{stderr}");
    assert!(
        stderr.contains("Go could not build kube-apiserver"),
        "{stderr}"
    );

    let cache = machine.folder.join("cache/kafmesh");
    for _ in 0..2 {
        let Output { status, stdout, .. } = kubernetes("");
        assert!(status.success());
        let stdout = String::from_utf8(stdout).unwrap();
        let folder = stdout.trim_end().strip_prefix("KUBEBUILDER_ASSETS=");
        let folder = Path::new(folder.unwrap());
        assert!(folder.starts_with(&cache), "{stdout}");
        assert!(folder.join("kube-apiserver").is_file() && folder.join("etcd").is_file());
    }
    let builds = fs::read_to_string(machine.folder.join("log/builds")).unwrap();
    assert_eq!(
        builds.lines().count(),
        3,
        "one failed, two did not: {builds}"
    );
    let left: Vec<_> = fs::read_dir(&cache)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".build") || name.ends_with(".partial"))
        .collect();
    assert_eq!(left, [] as [&str; 0]);
}

#[test]
fn named_programs_are_not_compiled() {
    let machine = Machine::new("named");
    let output = machine
        .xtask(&["servers", "tools"])
        .env("KAFMESH_TEST_GRPCURL", "/opt/grpcurl")
        .env("KAFMESH_TEST_HELM", "/opt/helm")
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "KAFMESH_TEST_GRPCURL=/opt/grpcurl\nKAFMESH_TEST_HELM=/opt/helm\n"
    );
    assert!(!machine.folder.join("log/builds").exists());
}

#[test]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn a_go_that_is_not_what_was_published_is_refused() {
    let machine = Machine::new("wrong-go");
    let output = machine
        .xtask(&["servers", "tools"])
        .env("FAKE_GO", "1.25.9")
        .env("GOPROXY", "https://proxy.example,direct")
        .env_remove("KAFMESH_TEST_HELM")
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.contains("https://proxy.example/golang.org/toolchain/@v/v0.0.1-go1.26.8"),
        "{stderr}"
    );
    assert!(stderr.contains("its checksum is h1:"), "{stderr}");
    assert!(!machine.folder.join("log/builds").exists());
    assert!(!machine.folder.join("cache/kafmesh/go-1.26.8").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_killed_parent_takes_its_servers_along_and_the_next_run_its_data() {
    let machine = Machine::new("killed");
    let mut running = machine.start(&[]);
    let left_behind = machine.temporary_folders();
    assert_eq!(left_behind.len(), 1);
    running.signal(Signal::SIGKILL);
    running.child.wait().unwrap();
    eventually("the servers die with their parent", || {
        !machine.servers().into_iter().any(is_alive)
    });

    let _again = machine.start(&[]);
    assert!(!left_behind[0].exists());
    let fetches = fs::read_to_string(machine.folder.join("log/fetches")).unwrap();
    assert_eq!(
        fetches, "fetched\n",
        "the second run reuses what the first fetched"
    );
}

#[test]
fn a_node_is_killed_and_started_by_order() {
    let machine = Machine::new("orders");
    let mut running = machine.start(&[]);
    assert_eq!(running.order("kill 2"), "killed 2");
    eventually("one of three nodes is gone", || {
        machine
            .servers()
            .iter()
            .filter(|server| is_alive(**server))
            .count()
            == 2
    });
    assert_eq!(running.order("start 2"), "started 2");
    assert_eq!(
        machine
            .servers()
            .iter()
            .filter(|server| is_alive(**server))
            .count(),
        3
    );
    assert!(
        running.child.try_wait().unwrap().is_none(),
        "still running after the orders"
    );
}

#[test]
fn closed_input_is_no_reason_to_stop() {
    let machine = Machine::new("closed-input");
    let mut running = machine.start(&["--nodes", "1"]);
    drop(running.child.stdin.take());
    std::thread::sleep(Duration::from_millis(200));
    assert!(running.child.try_wait().unwrap().is_none());
}

#[test]
fn a_crash_shows_the_log() {
    let machine = Machine::new("crash");
    let Output { status, stderr, .. } = machine
        .xtask(&["servers", "kafka", "--nodes", "1"])
        .env("FAKE_CRASH", "yes")
        .output()
        .unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(stderr.contains("the disk is on fire"), "{stderr}");
    assert!(
        stderr.contains("Kafka node 1 ended unexpectedly"),
        "{stderr}"
    );
}

#[test]
fn what_is_missing_is_named_before_anything_begins() {
    let machine = Machine::new("missing");
    // Without apt-get on the PATH nothing can be installed, on whatever system this runs.
    let Output {
        status,
        stdout,
        stderr,
    } = machine
        .xtask(&["servers", "kafka"])
        .env("PATH", machine.folder.join("log"))
        .output()
        .unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1));
    assert_eq!(stdout, b"");
    assert!(stderr.contains("Java 17 or newer"), "{stderr}");
    assert!(
        stderr.contains("please install what is missing"),
        "{stderr}"
    );
    assert_eq!(
        fs::read_dir(machine.folder.join("cache")).unwrap().count(),
        0
    );
}
