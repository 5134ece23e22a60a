//! Children that end with this process, however it ends.
//!
//! On Linux a process can ask to be signalled when its parent dies. Asking must happen in the child,
//! before it becomes the program; doing that between fork and exec needs unsafe code, so the child
//! is first this program again, which asks and then becomes the other. Elsewhere children are ended
//! on every way out but `kill -9`.

use std::ffi::{OsStr, OsString};

use tokio::process::Command;

/// The first argument that makes `kafmesh` become another program.
pub(crate) const BECOME: &str = "__become";

/// A command that runs `program`, and ends when this process does.
pub(super) fn command(program: impl AsRef<OsStr>) -> Command {
    if cfg!(target_os = "linux") {
        // The file may have been replaced since; this is the program that runs.
        let mut command = Command::new("/proc/self/exe");
        command
            .arg(BECOME)
            .arg(std::process::id().to_string())
            .arg(program);
        command
    } else {
        Command::new(program)
    }
}

/// Becomes the program in `args`, which are the parent's id, the program and its arguments.
///
/// Returns only if that fails, with what to say.
#[cfg(target_os = "linux")]
pub(crate) fn become_program(mut args: impl Iterator<Item = OsString>) -> String {
    use std::os::unix::process::CommandExt as _;

    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    let parent = args.next().and_then(|id| id.to_str()?.parse::<i32>().ok());
    let Some(program) = args.next() else {
        return format!("{BECOME} needs a program");
    };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return format!("cannot ask to end with the parent: {error}");
    }
    // It may have died before that.
    if getppid().map(|id| id.as_raw_nonzero().get()) != parent {
        return "the parent ended".to_owned();
    }
    let error = std::process::Command::new(&program).args(args).exec();
    format!("cannot run {}: {error}", program.to_string_lossy())
}

/// Not used where the parent's death cannot be asked for.
#[cfg(not(target_os = "linux"))]
pub(crate) fn become_program(_: impl Iterator<Item = OsString>) -> String {
    format!("{BECOME} is for Linux")
}
