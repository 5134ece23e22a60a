//! Who is asked next: so many at a time, none twice at a time, and those that failed last time not
//! before others.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::mesh::pod::PodKey;

/// Who waits to be asked, and who is being asked.
#[derive(Debug)]
pub(super) struct Queue {
    concurrency: usize,
    first: VecDeque<PodKey>,
    /// Those that failed last time; they may hang, so at most half of the places are theirs.
    last: VecDeque<PodKey>,
    waiting: HashSet<PodKey>,
    asking: HashMap<PodKey, Asking>,
}

#[derive(Debug)]
struct Asking {
    failing: bool,
    /// It changed meanwhile.
    again: bool,
}

impl Queue {
    /// Asks up to `concurrency` at a time, at least two.
    pub(super) fn new(concurrency: usize) -> Self {
        Self {
            concurrency: concurrency.max(2),
            first: VecDeque::new(),
            last: VecDeque::new(),
            waiting: HashSet::new(),
            asking: HashMap::new(),
        }
    }

    /// Puts `key` at the end; not if it waits already or is being asked.
    pub(super) fn push(&mut self, key: PodKey, failing: bool) {
        if self.asking.contains_key(&key) || !self.waiting.insert(key.clone()) {
            return;
        }
        if failing {
            self.last.push_back(key);
        } else {
            self.first.push_back(key);
        }
    }

    /// Puts `key`, which changed, before others. If it is being asked, it is asked once more afterwards.
    pub(super) fn push_changed(&mut self, key: PodKey) {
        if let Some(asking) = self.asking.get_mut(&key) {
            asking.again = true;
            return;
        }
        if !self.waiting.insert(key.clone()) {
            self.first.retain(|waiting| *waiting != key);
            self.last.retain(|waiting| *waiting != key);
        }
        self.first.push_front(key);
    }

    /// Who is to be asked now; `None` while enough are.
    pub(super) fn next(&mut self) -> Option<PodKey> {
        if self.asking.len() >= self.concurrency {
            return None;
        }
        let (key, failing) = if let Some(key) = self.first.pop_front() {
            (key, false)
        } else {
            let failing = self.asking.values().filter(|asking| asking.failing);
            if failing.count() >= self.concurrency / 2 {
                return None;
            }
            (self.last.pop_front()?, true)
        };
        self.waiting.remove(&key);
        let again = false;
        self.asking.insert(key.clone(), Asking { failing, again });
        Some(key)
    }

    /// `key` was asked. Returns whether it is asked once more, because it changed meanwhile.
    pub(super) fn done(&mut self, key: &PodKey) -> bool {
        let again = self.asking.remove(key).is_some_and(|asking| asking.again);
        if again {
            self.push_changed(key.clone());
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> PodKey {
        PodKey::new("shop", name)
    }

    fn all(queue: &mut Queue) -> Vec<PodKey> {
        std::iter::from_fn(|| queue.next()).collect()
    }

    #[test]
    fn so_many_are_asked_at_a_time_and_none_twice() {
        let mut queue = Queue::new(2);
        for name in ["a", "b", "a", "c"] {
            queue.push(key(name), false);
        }
        assert_eq!(all(&mut queue), [key("a"), key("b")]);
        queue.push(key("a"), false);
        assert!(!queue.done(&key("a")));
        assert_eq!(all(&mut queue), [key("c")]);
        assert!(!queue.done(&key("b")));
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn what_changes_is_asked_first_and_once_more_when_it_is_being_asked() {
        let mut queue = Queue::new(2);
        for name in ["a", "b", "c"] {
            queue.push(key(name), false);
        }
        assert_eq!(all(&mut queue), [key("a"), key("b")]);
        queue.push_changed(key("d"));
        queue.push_changed(key("a"));
        queue.push_changed(key("c"));
        assert!(queue.done(&key("a")));
        assert!(!queue.done(&key("b")));
        assert_eq!(all(&mut queue), [key("a"), key("c")]);
        assert!(!queue.done(&key("a")));
        assert_eq!(all(&mut queue), [key("d")]);
        assert!(!queue.done(&key("c")));
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn one_that_failed_and_changes_is_not_among_the_last_any_more() {
        let mut queue = Queue::new(2);
        for name in ["x", "y", "z"] {
            queue.push(key(name), true);
        }
        queue.push(key("a"), false);
        queue.push_changed(key("z"));
        assert_eq!(all(&mut queue), [key("z"), key("a")]);
        queue.done(&key("z"));
        queue.done(&key("a"));
        assert_eq!(all(&mut queue), [key("x")]);
        queue.done(&key("x"));
        assert_eq!(all(&mut queue), [key("y")]);
        queue.done(&key("y"));
        assert_eq!(queue.next(), None);
    }

    #[test]
    fn those_that_failed_leave_places_to_others() {
        let mut queue = Queue::new(4);
        for name in ["x", "y", "z"] {
            queue.push(key(name), true);
        }
        queue.push(key("a"), false);
        assert_eq!(all(&mut queue), [key("a"), key("x"), key("y")]);
        queue.push_changed(key("b"));
        assert_eq!(all(&mut queue), [key("b")]);
        queue.done(&key("a"));
        assert_eq!(queue.next(), None);
        queue.done(&key("x"));
        assert_eq!(all(&mut queue), [key("z")]);
    }
}
