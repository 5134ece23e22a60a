//! How a command ends: its exit code, and the last thing it says.

use std::fmt::Display;
use std::process::ExitCode;

use crate::terminal;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There are findings, which were printed already.
    Findings,
    /// Something failed; the text says what, where and what to do.
    Error(String),
}

impl Failure {
    /// Something failed while doing `what`.
    pub(crate) fn new(what: impl Display, error: impl Display) -> Self {
        Self::Error(format!("{what}: {error}"))
    }
}

/// The exit code for `result`, after saying what failed.
pub(crate) fn code(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Findings) => ExitCode::from(1),
        Err(Failure::Error(text)) => {
            terminal::error(&text);
            ExitCode::from(1)
        }
    }
}
