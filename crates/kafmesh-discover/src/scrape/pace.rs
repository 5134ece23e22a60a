//! When what was learned is published: what happens together at once, and a scrape of all pods not
//! with every answer.

use std::time::Duration;

use tokio::time::Instant;

/// What is learned is published after so long, so that what happens together is published once.
const COLLECT: Duration = Duration::from_millis(100);

/// How long the next publication waits after the last while all pods are asked: each takes as long
/// as the mesh is large, and most tell of an unfinished picture.
const BUSY: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Pace {
    last: Option<Instant>,
    next: Option<Instant>,
}

impl Pace {
    /// There is something to publish. `busy`: there will be more, since all pods are being asked.
    pub(super) fn want(&mut self, now: Instant, busy: bool) {
        let soon = now + COLLECT;
        let at = match self.last {
            Some(last) if busy => soon.max(last + BUSY),
            _ => soon,
        };
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }

    /// When it is time; `None` while there is nothing to publish.
    pub(super) fn next(&self) -> Option<Instant> {
        self.next
    }

    /// It was published.
    pub(super) fn published(&mut self, now: Instant) {
        self.last = Some(now);
        self.next = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_together_is_published_once_and_soon() {
        let mut pace = Pace::default();
        let now = Instant::now();
        assert_eq!(pace.next(), None);
        pace.want(now, false);
        pace.want(now + COLLECT / 2, false);
        assert_eq!(pace.next(), Some(now + COLLECT));
        pace.published(now + COLLECT);
        assert_eq!(pace.next(), None);
        pace.want(now + COLLECT, false);
        assert_eq!(pace.next(), Some(now + COLLECT * 2));
    }

    #[test]
    fn a_scrape_of_all_is_published_at_first_now_and_then_and_when_it_ends() {
        let mut pace = Pace::default();
        let now = Instant::now();
        pace.want(now, true);
        assert_eq!(pace.next(), Some(now + COLLECT));
        pace.published(now + COLLECT);
        pace.want(now + COLLECT, true);
        assert_eq!(pace.next(), Some(now + COLLECT + BUSY));
        pace.want(now + COLLECT * 3, false);
        assert_eq!(pace.next(), Some(now + COLLECT * 4));
    }
}
