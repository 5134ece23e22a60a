//! The demo as a process on real Kafka: it shows rows of the warehouse, and ends when it is asked to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Only a test that fails takes this long.
const LIMIT: Duration = Duration::from_secs(120);

/// Ends the demo however the test ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_demo_shows_rows_until_it_is_stopped() {
    let brokers = std::env::var("KAFMESH_TEST_BROKERS")
        .expect("KAFMESH_TEST_BROKERS names a Kafka: `cargo xtask test` starts one, `cargo xtask servers kafka` too");
    let state = tempfile::tempdir().unwrap();
    let mut demo = Process(
        Command::new(env!("CARGO_BIN_EXE_devices"))
            .arg("--demo")
            .env_clear()
            .env("KAFMESH_BROKERS", brokers)
            .env("KAFMESH_LISTEN", "127.0.0.1:0")
            .env("KAFMESH_DEV", "true")
            .env("DATABASE_URL", "sqlite::memory:")
            .current_dir(state.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let output = BufReader::new(demo.0.stdout.take().unwrap());
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        output
            .lines()
            .try_for_each(|line| sender.send(line.unwrap()))
    });
    let deadline = Instant::now() + LIMIT;
    let mut missing = vec!["details", "heartbeats"];
    while !missing.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = lines.recv_timeout(left).expect("it shows rows");
        missing.retain(|table| !(line.contains(table) && line.contains("Grace Freight")));
    }

    let asked = Command::new("kill")
        .args(["-INT", &demo.0.id().to_string()])
        .status();
    assert!(asked.unwrap().success());
    assert!(demo.0.wait().unwrap().success());
}
