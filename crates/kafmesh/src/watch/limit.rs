//! How many operations a watcher is shown per second.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::time::{Duration, Instant};

use super::hub::QUEUE;

/// What may be shown: a second's worth, or what a queue holds, taken by tasks, refilled where it is shown.
/// So a task needs no clock. Tasks look at it for each record: it shares no cache line with what others
/// write for each operation.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Allowance(AtomicI64);

impl Allowance {
    /// As much as there is at once.
    pub(super) fn full(rate: u32) -> Self {
        Self(AtomicI64::new(at_once(rate)))
    }

    /// Takes one, if there is one.
    pub(super) fn take(&self) -> bool {
        // Reading alone leaves the memory shared by all tasks; mostly there is nothing to take from a
        // processor that is faster than what may be shown.
        if self.0.load(Ordering::Relaxed) <= 0 {
            return false;
        }
        let had = self.0.fetch_sub(1, Ordering::Relaxed);
        if had <= 0 {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        had > 0
    }
}

/// The most that is allowed at once, of `rate` per second.
fn at_once(rate: u32) -> i64 {
    i64::from(rate).min(QUEUE as i64)
}

/// Refills an [`Allowance`].
#[derive(Debug)]
pub(super) struct Refill {
    rate: u32,
    /// The time for which was refilled.
    until: Instant,
}

impl Refill {
    /// `rate` per second, from now on.
    pub(super) fn new(rate: u32) -> Self {
        Self {
            rate,
            until: Instant::now(),
        }
    }

    /// Adds what has become allowed; whether there is as much as there can be.
    pub(super) fn refill(&mut self, allowance: &Allowance) -> bool {
        let (now, rate) = (Instant::now(), u64::from(self.rate));
        let passed = now.duration_since(self.until).as_micros() as u64;
        let due = passed.saturating_mul(rate) / 1_000_000;
        let lacking = at_once(self.rate) - allowance.0.load(Ordering::Relaxed);
        if lacking <= 0 || due >= lacking.unsigned_abs() {
            allowance.0.fetch_add(lacking.max(0), Ordering::Relaxed);
            self.until = now;
            return true;
        }
        allowance.0.fetch_add(due as i64, Ordering::Relaxed);
        // What is less than one operation's time counts the next time.
        self.until += Duration::from_micros(due * 1_000_000 / rate);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(allowance: &Allowance) -> usize {
        std::iter::repeat_with(|| allowance.take())
            .take_while(|taken| *taken)
            .count()
    }

    #[tokio::test(start_paused = true)]
    async fn as_much_is_allowed_as_time_has_passed() {
        let (allowance, mut refill) = (Allowance::full(100), Refill::new(100));
        assert_eq!(taken(&allowance), 100, "a second's worth at first");
        let mut sum = 0;
        for _ in 0..1000 {
            tokio::time::advance(Duration::from_millis(7)).await;
            refill.refill(&allowance);
            sum += taken(&allowance);
        }
        assert_eq!(sum, 700, "in 7 seconds");
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(refill.refill(&allowance));
        assert_eq!(taken(&allowance), 100, "nothing is saved up");
        assert!(!refill.refill(&allowance));
    }
}
