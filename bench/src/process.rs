//! Processes that are measured: this program itself, in another role.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};
use serde::de::DeserializeOwned;

/// What a process may take at most: so long that only a hang is longer.
const BASE_LIMIT: Duration = Duration::from_secs(60);
const LIMIT_PER_RECORD: Duration = Duration::from_micros(100);

/// What a process may take that handles `records`.
pub(crate) fn limit(records: u64) -> Duration {
    BASE_LIMIT + LIMIT_PER_RECORD * u32::try_from(records).unwrap_or(u32::MAX)
}

/// This program, to be given a role.
pub(crate) fn this_program() -> Result<Command> {
    Ok(Command::new(
        std::env::current_exe().context("cannot find this program itself")?,
    ))
}

/// Now, as processes are told when they were started: in nanoseconds since the epoch.
pub(crate) fn now() -> Result<String> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(now.as_nanos().to_string())
}

/// What [`now`] said.
pub(crate) fn time(nanoseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds)
}

/// Runs a process to its end and reads what it reports.
pub(crate) fn measured<T: DeserializeOwned>(mut command: Command, limit: Duration) -> Result<T> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let started = Instant::now();
    // A report is one line, which the pipe holds; so nothing is read before the end.
    while child.try_wait()?.is_none() {
        if started.elapsed() > limit {
            child.kill()?;
            bail!("it was not done after {limit:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{}", output.status);
    }
    serde_json::from_slice(&output.stdout).context("it reported nothing that can be read")
}

/// Says how far the benchmark is, where it does not disturb the tables.
pub(crate) fn say(line: impl std::fmt::Display) {
    eprintln!("    {line}");
}
