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
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    if let Some(kilobytes) =
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())
    {
        return Ok(kilobytes * 1024);
    }
    let unit = if cfg!(target_vendor = "apple") {
        1
    } else {
        1024
    };
    Ok(getrusage(UsageWho::RUSAGE_SELF)?.max_rss().unsigned_abs() * unit)
}
