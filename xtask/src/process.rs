//! Child processes that do not outlive this one: each leads its own process group, which is killed as a whole, and on
//! Linux the kernel kills the child when this process dies without a chance to clean up.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::interrupt::{self, Interrupted};
use crate::say;

/// The hidden first argument that turns this program into the start of a tethered child.
pub(crate) const TETHER: &str = "__tether";

/// How long a group may take to end by itself after SIGTERM. Together with what else happens at the end this stays
/// below the five seconds promised after Ctrl-C.
const GRACE: Duration = Duration::from_secs(3);

/// A command for `program` in a process group of its own that dies with this process.
///
/// The parent-death signal has to be requested by the child itself, between fork and exec. Doing that in `pre_exec`
/// is unsafe code; starting this same executable, which asks for the signal and then becomes `program`, is not.
/// The signal is tied to the *thread* that starts the child: call [`Command::spawn`] on one that lives as long as
/// the child should.
pub(crate) fn tethered(program: impl AsRef<OsStr>) -> Command {
    let mut command = if cfg!(target_os = "linux") {
        // Still the running executable when a build has meanwhile replaced the file.
        let mut command = Command::new("/proc/self/exe");
        command
            .arg(TETHER)
            .arg(std::process::id().to_string())
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    command.process_group(0);
    forget_own_package(&mut command);
    command
}

/// Takes away what cargo tells this program of its own package. A cargo below it would pass it on, and build scripts
/// that look at it (ring's does) would run anew each time somebody calls cargo directly in between, and with them
/// everything that depends on them.
pub(crate) fn forget_own_package(command: &mut Command) {
    let told = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|name| told(name)) {
        command.env_remove(name);
    }
}

/// The child's side of [`tethered`]: `arguments` are the parent's process id, the program and its arguments.
pub(crate) fn become_tethered(mut arguments: impl Iterator<Item = OsString>) -> Result<Infallible> {
    let parent = arguments
        .next()
        .and_then(|id| id.to_str()?.parse().ok())
        .context("no parent process id")?;
    let program = arguments.next().context("no program to run")?;
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)
        .context("cannot ask for the parent-death signal")?;
    // The parent may have died before the signal was asked for; then nobody would ever send it.
    if nix::unistd::getppid() != Pid::from_raw(parent) {
        bail!("the process that wanted {} is gone", program.display());
    }
    let error = Command::new(&program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

/// A running process group, killed when dropped.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Child,
    ended: Option<ExitStatus>,
}

impl Group {
    /// Starts what [`tethered`] prepared.
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        let leader = command
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        Ok(Self {
            leader,
            ended: None,
        })
    }

    /// How the leader ended, if it has.
    pub(crate) fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        if self.ended.is_none() {
            self.ended = self
                .leader
                .try_wait()
                .context("cannot wait for a child process")?;
        }
        Ok(self.ended)
    }

    /// Waits for the leader to end; ends the group when this command is asked to stop.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus> {
        self.wait_showing(|| {})
    }

    /// Like [`Group::wait`], for what takes so long that `progress` has to be shown.
    pub(crate) fn wait_showing(&mut self, progress: impl Fn()) -> Result<ExitStatus> {
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            progress();
            if let Err(interrupted) = interrupt::tick() {
                self.terminate();
                return Err(interrupted.into());
            }
        }
    }

    /// Asks the group to end, and kills what has not ended in time.
    pub(crate) fn terminate(&mut self) {
        self.end(Signal::SIGTERM);
    }

    /// Like [`Group::terminate`], for what takes another signal for the wish that it ends.
    pub(crate) fn end(&mut self, wish: Signal) {
        self.signal(wish);
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            if matches!(self.try_wait(), Ok(Some(_))) {
                break;
            }
            std::thread::sleep(interrupt::TICK);
        }
        // Also when the leader has ended: it may have left others behind.
        self.signal(Signal::SIGKILL);
        self.reap();
    }

    /// Kills the whole group at once.
    pub(crate) fn kill(&mut self) {
        if self.ended.is_none() {
            self.signal(Signal::SIGKILL);
            self.reap();
        }
    }

    fn signal(&self, signal: Signal) {
        // Process ids are positive i32 on every Unix; the conversion cannot fail.
        if let Ok(id) = i32::try_from(self.leader.id()) {
            // No such group: all of it has ended, which is what was wanted.
            let _ = killpg(Pid::from_raw(id), signal);
        }
    }

    fn reap(&mut self) {
        if self.ended.is_none() {
            self.ended = self.leader.wait().ok();
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a [`tethered`] command to its end.
pub(crate) fn run(command: &mut Command) -> Result<ExitStatus> {
    Group::spawn(command.stdin(Stdio::null()))?.wait()
}

/// Runs a [`tethered`] command to its end and hands over every line of its standard output as it appears.
pub(crate) fn run_lines(
    command: &mut Command,
    mut on_line: impl FnMut(&str),
) -> Result<ExitStatus> {
    let mut group = Group::spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let stdout = group
        .leader
        .stdout
        .take()
        .context("the child's output is not piped")?;
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        // Output is not always UTF-8, and a last line may lack its line break.
        while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line);
            if sender
                .send(text.trim_end_matches(['\n', '\r']).to_owned())
                .is_err()
            {
                return;
            }
            line.clear();
        }
    });
    let mut leftover_deadline = None;
    loop {
        match lines.recv_timeout(interrupt::TICK) {
            Ok(line) => on_line(&line),
            Err(mpsc::RecvTimeoutError::Disconnected) => return group.wait(),
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
        if interrupt::requested() {
            group.terminate();
            return Err(Interrupted.into());
        }
        // A process that was left behind and still holds the pipe must not keep this command waiting for ever.
        if group.try_wait()?.is_some() {
            let deadline = *leftover_deadline.get_or_insert_with(|| Instant::now() + GRACE);
            if Instant::now() > deadline {
                say::note("a process was left running after its command had ended; it is killed");
                group.signal(Signal::SIGKILL);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without the tether, which needs the real executable; `tests/` covers that.
    fn grouped(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).process_group(0);
        command
    }

    #[test]
    fn lines_arrive_with_the_exit_status() {
        let mut lines = Vec::new();
        let status = run_lines(
            &mut grouped(r"printf 'one\ntwo \377\r\nthree'; exit 3"),
            |line| {
                lines.push(line.to_owned());
            },
        )
        .unwrap();
        assert_eq!(lines, ["one", "two \u{fffd}", "three"]);
        assert_eq!(status.code(), Some(3));
    }

    #[test]
    fn a_process_left_behind_does_not_block_the_end() {
        let started = Instant::now();
        let status = run_lines(&mut grouped("sleep 60 & exit 0"), |_| {}).unwrap();
        assert!(status.success());
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "took {:?}",
            started.elapsed()
        );
    }

    #[test]
    fn terminate_kills_what_ignores_the_request() {
        let mut group =
            Group::spawn(&mut grouped("trap '' TERM; while :; do sleep 1; done")).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        let started = Instant::now();
        group.terminate();
        assert!(
            started.elapsed() < Duration::from_secs(4),
            "took {:?}",
            started.elapsed()
        );
        assert!(!group.try_wait().unwrap().unwrap().success());
    }
}
