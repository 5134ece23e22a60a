//! Who could not be reached, and is asked again before all are: a process that starts runs for a
//! moment before it listens.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use crate::mesh::pod::PodKey;

/// How long the first wait is; each is twice the one before.
const FIRST: Duration = Duration::from_millis(500);

/// When each of those that fail is asked again.
#[derive(Debug)]
pub(super) struct Retries {
    longest: Duration,
    failing: HashMap<PodKey, Failing>,
    due: BTreeSet<(Instant, PodKey)>,
}

#[derive(Debug)]
struct Failing {
    wait: Duration,
    at: Instant,
}

impl Retries {
    /// Nobody fails yet. `longest` is the longest wait.
    pub(super) fn new(longest: Duration) -> Self {
        Self {
            longest,
            failing: HashMap::new(),
            due: BTreeSet::new(),
        }
    }

    /// `key` could not be reached.
    pub(super) fn failed(&mut self, key: &PodKey, now: Instant) {
        let wait = match self.forget(key) {
            Some(before) => before * 2,
            None => FIRST,
        };
        let wait = wait.min(self.longest);
        let at = now + wait;
        self.due.insert((at, key.clone()));
        self.failing.insert(key.clone(), Failing { wait, at });
    }

    /// `key` answered, changed, or is gone: it begins anew. Returns its last wait.
    pub(super) fn forget(&mut self, key: &PodKey) -> Option<Duration> {
        let (key, Failing { wait, at }) = self.failing.remove_entry(key)?;
        self.due.remove(&(at, key));
        Some(wait)
    }

    /// When somebody is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes one that is to be asked now. Its next wait follows when it fails again.
    pub(super) fn take(&mut self, now: Instant) -> Option<PodKey> {
        self.next().filter(|at| *at <= now)?;
        self.due.pop_first().map(|(_, key)| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew() {
        let mut retries = Retries::new(Duration::from_secs(3));
        let key = PodKey::new("shop", "a");
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for _ in 0..5 {
            retries.failed(&key, now);
            let at = retries.next().unwrap();
            assert_eq!(retries.take(at - Duration::from_millis(1)), None);
            assert_eq!(retries.take(at), Some(key.clone()));
            waits.push((at - now).as_millis());
            now = at;
        }
        assert_eq!(waits, [500, 1000, 2000, 3000, 3000]);
        retries.forget(&key);
        retries.failed(&key, now);
        assert_eq!(retries.next(), Some(now + FIRST));
    }

    #[test]
    fn who_fails_twice_is_due_once_and_who_answered_never() {
        let mut retries = Retries::new(Duration::from_secs(60));
        let [a, b] = ["a", "b"].map(|name| PodKey::new("shop", name));
        let now = Instant::now();
        retries.failed(&a, now);
        retries.failed(&a, now);
        retries.failed(&b, now);
        retries.forget(&b);
        let later = now + Duration::from_secs(60);
        assert_eq!(retries.take(later), Some(a));
        assert_eq!(retries.take(later), None);
    }
}
