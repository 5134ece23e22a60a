//! What `kafmesh new` makes builds, passes its tests and runs under `kafmesh dev`.
//!
//! The projects are built for real, in the workspace's target directory and with its profile and
//! lock file, so that only they and the runtime are compiled.
#![cfg(all(feature = "dev", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use kafmesh_cli::dev::Broker;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

const KAFMESH: &str = env!("CARGO_BIN_EXE_kafmesh");

/// Long enough for a build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A project as `kafmesh new` makes it, in a directory of its own.
struct Project {
    directory: tempfile::TempDir,
}

impl Project {
    fn new(name: &str) -> Self {
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .canonicalize()
            .unwrap();
        let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let target = scratch.parent().unwrap();
        let directory = tempfile::Builder::new()
            .prefix("project-")
            .tempdir_in(&scratch)
            .unwrap();
        let path = directory.path();
        let created = Command::new(KAFMESH)
            .args(["new", name, "--path"])
            .arg(path)
            .arg("--kafmesh-path")
            .arg(&workspace)
            .output()
            .unwrap();
        assert!(
            created.status.success(),
            "{}",
            String::from_utf8_lossy(&created.stderr)
        );
        fs::create_dir(path.join(".cargo")).unwrap();
        let config = format!(
            "build.target-dir = {target:?}\nprofile.dev.debug = \"line-tables-only\"\n\
             profile.dev.package.\"*\".debug = false\n"
        );
        fs::write(path.join(".cargo/config.toml"), config).unwrap();
        fs::copy(workspace.join("Cargo.lock"), path.join("Cargo.lock")).unwrap();
        Self { directory }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    fn replace(&self, file: &str, from: &str, to: &str) {
        let path = self.path(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(path, text.replace(from, to)).unwrap();
    }

    fn dev(&self, brokers: Option<&Broker>) -> Dev {
        Dev::start(self, &[PathBuf::from("docs/definition.yaml")], brokers)
    }
}

/// A running `kafmesh dev` and what it said so far.
struct Dev {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Dev {
    fn start(from: &Project, definitions: &[PathBuf], brokers: Option<&Broker>) -> Self {
        Self::start_with(from, definitions, brokers, &[])
    }

    fn start_with(
        from: &Project,
        definitions: &[PathBuf],
        brokers: Option<&Broker>,
        variables: &[(&str, &str)],
    ) -> Self {
        let mut command = Command::new(KAFMESH);
        command
            .arg("dev")
            .args(definitions)
            .args(["--", "--traffic"])
            .current_dir(from.directory.path())
            .env_remove("KAFMESH_BROKERS")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(broker) = brokers {
            command.env("KAFMESH_BROKERS", broker.address().to_string());
        }
        let mut child = command.spawn().unwrap();
        let lines = Arc::default();
        collect(child.stdout.take().unwrap(), &lines);
        collect(child.stderr.take().unwrap(), &lines);
        Self { child, lines }
    }

    /// Waits until `count` lines contain `text`, and returns them.
    fn wait_for(&self, text: &str, count: usize) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self.lines_with(text);
            if found.len() >= count {
                return found;
            }
            let so_far = || self.lines.lock().unwrap().join("\n");
            // No use in waiting: it did not build, and no file will change.
            let hopeless = !self.lines_with("it is not running").is_empty();
            assert!(
                !hopeless && Instant::now() < deadline,
                "not {count} × {text:?} in:\n{}",
                so_far()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn lines_with(&self, text: &str) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines
            .iter()
            .filter(|line| line.contains(text))
            .cloned()
            .collect()
    }

    /// Waits for two more lines of the service.
    fn wait_for_clicks(&self) {
        self.wait_for("clicked: ", self.lines_with("clicked: ").len() + 2);
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn signal(mut self, signal: Signal) -> (ExitStatus, Duration) {
        let began = Instant::now();
        kill_process(self.pid(), signal).unwrap();
        (self.child.wait().unwrap(), began.elapsed())
    }
}

fn collect(output: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) {
    let lines = lines.clone();
    thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            lines.lock().unwrap().push(line.unwrap());
        }
    });
}

impl Drop for Dev {
    fn drop(&mut self) {
        // For tests that fail; the others have waited for it.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The processes whose parent is `parent`.
fn children(parent: Pid) -> Vec<Pid> {
    let output = Command::new("ps")
        .args(["-A", "-o", "pid=,ppid="])
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| {
            let mut ids = line.split_whitespace().map(|id| id.parse::<i32>().unwrap());
            let (id, of) = (ids.next()?, ids.next()?);
            (of == parent.as_raw_nonzero().get()).then(|| Pid::from_raw(id).unwrap())
        })
        .collect()
}

fn wait_until_gone(process: Pid) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while test_kill_process(process).is_ok() {
        assert!(Instant::now() < deadline, "{process:?} still runs");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The answer to a request over HTTP.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Asks kafmesh-discover until its answer is as wanted, for it may not have asked everybody yet.
fn wait_for_answer(address: &str, path: &str, is_wanted: impl Fn(&str) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = get(address, path);
        if is_wanted(&answer) {
            return;
        }
        assert!(Instant::now() < deadline, "{path}: {answer}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_new_project_passes_its_tests() {
    let project = Project::new("click-counter");
    let tested = Command::new(env!("CARGO"))
        .arg("test")
        .current_dir(project.directory.path())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&tested.stdout);
    let errors = String::from_utf8_lossy(&tested.stderr);
    assert!(tested.status.success(), "{output}\n{errors}");
    assert!(
        output.contains("test result: ok. 2 passed; 0 failed"),
        "{output}"
    );
    // Of the project; the runtime may be in the middle of something.
    assert!(!errors.contains("`click-counter`"), "warnings:\n{errors}");

    let current = Command::new(KAFMESH)
        .args(["generate", "--check"])
        .current_dir(project.directory.path())
        .status()
        .unwrap();
    assert!(current.success());
}

#[test]
fn traffic_that_fails_ends_the_process_with_its_error() {
    let broker = Broker::start().unwrap();
    let project = Project::new("failing-traffic");
    project.replace(
        "src/main.rs",
        "\"/\".to_owned()",
        "\"/\".repeat(10_000_000)",
    );
    let ran = Command::new(env!("CARGO"))
        .args(["run", "--", "--traffic"])
        .current_dir(project.directory.path())
        .env("KAFMESH_BROKERS", broker.address().to_string())
        .env("KAFMESH_DEV", "true")
        .env("KAFMESH_LISTEN", "127.0.0.1:0")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(1), "{errors}");
    let last = errors.lines().last().unwrap_or_default();
    assert!(
        last.starts_with("Error: ") && last.contains("failingTraffic.userId.click"),
        "{errors}"
    );
}

#[test]
fn dev_runs_and_restarts_a_service_until_it_is_interrupted() {
    let project = Project::new("dev-restarts");
    let dev = project.dev(None);
    dev.wait_for("4/4 running dev-restarts", 1);
    dev.wait_for_clicks();

    // Rust changes: built and restarted, with its state.
    project.replace("src/main.rs", "clicked: {} so far", "clicked: {} until now");
    dev.wait_for("4/4 running dev-restarts", 2);
    let totals = dev.wait_for("until now", 2);
    let total = |line: &str| -> u32 { line.split(' ').nth(2).unwrap().parse().unwrap() };
    assert!(
        totals.iter().any(|line| total(line) > 1),
        "counting began anew: {totals:?}"
    );

    // A mistake in the YAML: said, and the service goes on.
    project.replace("docs/components/clicks.yaml", "inputs:", "inputz:");
    dev.wait_for("unknown field `inputz`", 1);
    dev.wait_for("it keeps running as it was", 1);
    dev.wait_for_clicks();
    project.replace("docs/components/clicks.yaml", "inputz:", "inputs:");
    dev.wait_for("up to date src/definitions", 2);

    // A change of the YAML that changes the code.
    project.replace("docs/components/clicks.yaml", "Adds up", "Sums up");
    dev.wait_for("4/4 running dev-restarts", 3);
    dev.wait_for_clicks();

    // Rust that does not compile.
    project.replace("src/main.rs", "mod counter;", "mod counter; fn broken( {");
    dev.wait_for("it keeps running as it was", 2);
    dev.wait_for_clicks();

    let services = children(dev.pid());
    assert_eq!(services.len(), 1);
    let (status, took) = dev.signal(Signal::INT);
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(5), "took {took:?}");
    wait_until_gone(services[0]);
}

#[test]
fn dev_tells_what_kafmesh_discover_warns_of() {
    let project = Project::new("dev-warnings");
    let definition = PathBuf::from("docs/definition.yaml");
    let misspelt = [("KAFMESH_DISCOVER_LISTN", "127.0.0.1:0")];
    let dev = Dev::start_with(&project, &[definition], None, &misspelt);
    dev.wait_for("is KAFMESH_DISCOVER_LISTEN meant?", 1);
    let (status, _) = dev.signal(Signal::INT);
    assert!(status.success(), "{status}");
}

#[test]
fn dev_uses_the_brokers_it_is_given_and_leaves_nothing_when_killed() {
    let broker = Broker::start().unwrap();
    let project = Project::new("dev-killed");
    let dev = project.dev(Some(&broker));
    dev.wait_for(&format!("1/4 using the broker at {}", broker.address()), 1);
    dev.wait_for_clicks();
    let services = children(dev.pid());
    assert_eq!(services.len(), 1);
    let (status, _) = dev.signal(Signal::KILL);
    assert!(!status.success());
    if cfg!(target_os = "linux") {
        wait_until_gone(services[0]);
    } else {
        kill_process(services[0], Signal::KILL).unwrap();
    }
}

#[test]
fn dev_starts_a_service_again_that_needed_another_one() {
    let (writer, reader) = (Project::new("dev-writer"), Project::new("dev-reader"));
    reader.replace(
        "docs/components/clicks.yaml",
        "views:\n  - message: userId.totalClicks",
        "views:\n  - message: userId.totalClicks\n    topic: devWriter.userId.totalClicks",
    );
    // The one that needs the other's topic first.
    let definitions = [&reader, &writer].map(|project| project.path("docs/definition.yaml"));
    let dev = Dev::start(&reader, &definitions, None);
    dev.wait_for("dev-reader | ada clicked: ", 1);
    dev.wait_for("dev-writer | ada clicked: ", 1);

    let line = dev
        .wait_for("what runs, as a graph and an API: ", 1)
        .remove(0);
    let (_, address) = line.rsplit_once("http://").unwrap();
    wait_for_answer(address, "/api/v1/services", |services| {
        services.contains("\"devReader\"") && services.contains("\"devWriter\"")
    });
    // What the broker says is there too, and fits.
    wait_for_answer(address, "/api/v1/kafka/topics", |topics| {
        topics.contains("\"devWriter.userId.totalClicks\"")
    });
    wait_for_answer(address, "/api/v1/kafka/groups", |groups| {
        groups.contains("\"total\":2,")
            && groups
                .matches("\"state\":\"Stable\",\"members\":1,")
                .count()
                == 2
            && groups.matches("\"records\":").count() == 2
    });
    for findings in ["severity=error", "kind=group-without-members"] {
        let path = format!("/api/v1/findings?{findings}");
        wait_for_answer(address, &path, |found| found.contains("\"total\":0,"));
    }
    let ready = get(address, "/health/ready");
    assert!(
        ready.contains("\"kafka\":{\"state\":\"working\"}"),
        "{ready}"
    );
    let services = children(dev.pid());
    assert_eq!(services.len(), 2);
    let (status, took) = dev.signal(Signal::TERM);
    assert!(status.success(), "{status}");
    assert!(took < Duration::from_secs(5), "took {took:?}");
    services.into_iter().for_each(wait_until_gone);
}
