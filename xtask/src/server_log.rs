//! What a server says, kept in a file until somebody wants to see it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};

use crate::say;

/// How many lines are shown after a failure.
const TAIL: usize = 30;

/// The log of one server.
#[derive(Debug)]
pub(crate) struct ServerLog {
    server: String,
    path: PathBuf,
    /// Where the server's current run begins.
    start: u64,
}

impl ServerLog {
    /// The log of `server` in the file at `path`, which need not be there yet.
    pub(crate) fn new(server: String, path: PathBuf) -> Self {
        Self {
            server,
            path,
            start: 0,
        }
    }

    /// Makes `command` write here, and read nothing.
    pub(crate) fn attach(&self, command: &mut Command) -> Result<()> {
        let open = || {
            let log = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&self.path)?;
            Ok::<_, std::io::Error>((log.try_clone()?, log))
        };
        let (stderr, stdout) = open().context("cannot write the log")?;
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        Ok(())
    }

    /// Says that a new run begins.
    pub(crate) fn begin(&mut self) {
        self.start = fs::metadata(&self.path).map_or(0, |log| log.len());
    }

    /// Whether the current run has logged `text`.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.read(self.start).contains(text)
    }

    /// Shows the end.
    pub(crate) fn show(&self) {
        say::note(format!("the end of the log of {}:", self.server));
        let log = self.read(0);
        let lines: Vec<_> = log.lines().collect();
        for line in &lines[lines.len().saturating_sub(TAIL)..] {
            say::note(line);
        }
    }

    fn read(&self, from: u64) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut log| {
            log.seek(SeekFrom::Start(from))?;
            log.read_to_end(&mut bytes)
        });
        // Not there yet: nothing has been logged.
        read.map_or_else(
            |_| String::new(),
            |_| String::from_utf8_lossy(&bytes).into_owned(),
        )
    }
}
