//! What this process has used so far, as the system counts it.

use std::time::Duration;

use anyhow::Result;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use nix::time::{ClockId, clock_gettime};

/// CPU time of all threads, user and system.
pub(crate) fn cpu() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.into())
}

/// CPU time of this thread, user and system.
pub(crate) fn thread_cpu() -> Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

/// User and system time apart.
pub(crate) fn user_and_system() -> Result<(Duration, Duration)> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let duration = |time: nix::sys::time::TimeVal| {
        Duration::from_micros(time.num_microseconds().unsigned_abs())
    };
    Ok((duration(usage.user_time()), duration(usage.system_time())))
}

/// The most physical memory it has had, in bytes.
pub(crate) fn peak_memory() -> Result<u64> {
    // Where there is a VmHWM it is better: `ru_maxrss` starts at what the parent had.
    if let Some(bytes) = status("VmHWM:") {
        return Ok(bytes);
    }
    let unit = if cfg!(target_vendor = "apple") {
        1
    } else {
        1024
    };
    Ok(getrusage(UsageWho::RUSAGE_SELF)?.max_rss().unsigned_abs() * unit)
}

/// The physical memory it has now, in bytes; 0 where the system does not say.
pub(crate) fn memory() -> u64 {
    status("VmRSS:").unwrap_or(0)
}

/// A line of /proc/self/status, in bytes.
fn status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes * 1024)
}
