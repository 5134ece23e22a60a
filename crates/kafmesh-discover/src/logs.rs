//! How kafmesh-discover logs.

use std::io::{self, IsTerminal as _};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// What a line of the log looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// A JSON object per line, for collectors.
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Logs {
    /// Text on terminals and JSON elsewhere when `None`.
    pub(crate) format: Option<Format>,
    /// A level, or levels by module, as `RUST_LOG` would have it.
    pub(crate) filter: String,
}

/// Logs to standard error from now on, for the whole process.
///
/// # Errors
///
/// The process logs already, or the filter cannot be read.
pub(crate) fn init(logs: &Logs) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let terminal = io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse(&logs.filter)?)
        .with_span_events(FmtSpan::NONE)
        .with_writer(io::stderr);
    match logs.format {
        Some(Format::Json) => builder.json().flatten_event(true).try_init(),
        None if !terminal => builder.json().flatten_event(true).try_init(),
        _ => {
            let colours = terminal && std::env::var_os("NO_COLOR").is_none();
            builder.with_ansi(colours).try_init()
        }
    }
}
