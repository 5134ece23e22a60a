//! The wish to stop: set once by SIGINT, SIGTERM or SIGHUP, and asked for by everything that waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;

/// How often waiting code looks whether it should stop. Short against the five seconds in which everything has to be
/// gone, long enough to cost nothing.
pub(crate) const TICK: Duration = Duration::from_millis(25);

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// The person (or the system) asked this command to stop.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl std::fmt::Display for Interrupted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("stopped")
    }
}

impl std::error::Error for Interrupted {}

/// Begins to listen for signals.
pub(crate) fn listen() -> anyhow::Result<()> {
    ctrlc::set_handler(|| REQUESTED.store(true, Ordering::Relaxed))
        .context("cannot listen for Ctrl-C")
}

/// Whether to stop.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Sleeps for one tick, and fails when it is time to stop.
pub(crate) fn tick() -> Result<(), Interrupted> {
    if requested() {
        return Err(Interrupted);
    }
    std::thread::sleep(TICK);
    Ok(())
}
