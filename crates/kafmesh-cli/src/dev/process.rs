//! A process with everything it started, ended as one.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// How long a process may take to end when asked to; together with what else happens at the end,
/// Ctrl-C takes less than 5 s.
const PATIENCE: Duration = Duration::from_secs(4);

/// A process group; it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Group {
    child: Child,
    id: Option<Pid>,
}

impl Group {
    /// Starts `command` as the leader of a new group, so that Ctrl-C in the terminal reaches this
    /// process only, which then ends the group in good order.
    pub(super) fn spawn(command: &mut Command) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        let id = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        Ok(Self { child, id })
    }

    /// The process itself, for its output.
    pub(super) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits until it ends by itself.
    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks it to end, and kills it when it does not in time; says whether it did.
    pub(super) async fn stop(mut self) -> bool {
        self.signal(Signal::TERM);
        // What is left of the group, if anything, is killed on drop.
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .is_ok()
    }

    fn signal(&self, signal: Signal) {
        if let Some(id) = self.id {
            // There is nobody left to signal.
            kill_process_group(id, signal).unwrap_or(());
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
