//! What could not be read, in few words.

use std::collections::BTreeMap;
use std::fmt;

use super::answer::Read;

/// What could not be read, by why. Answers come in any order; the words do not depend on it, so that a state that
/// stays is the same text.
#[derive(Default)]
pub(super) struct Failures(BTreeMap<String, What>);

struct What {
    first: String,
    more: usize,
}

/// How many reasons are told.
const REASONS: usize = 3;

impl Failures {
    pub(super) fn add(&mut self, what: fmt::Arguments<'_>, why: &str) {
        tracing::debug!("{what} could not be read from Kafka: {why}");
        let what = what.to_string();
        match self.0.get_mut(why) {
            Some(known) => {
                known.more += 1;
                if what < known.first {
                    known.first = what;
                }
            }
            None => {
                let first = What {
                    first: what,
                    more: 0,
                };
                self.0.insert(why.to_owned(), first);
            }
        }
    }

    pub(super) fn ok<T>(&mut self, what: fmt::Arguments<'_>, read: Read<T>) -> Option<T> {
        read.map_err(|why| self.add(what, &why)).ok()
    }

    /// All of them in few words; `None` when there are none.
    pub(super) fn told(&self) -> Option<String> {
        let told = self.0.iter().take(REASONS);
        let mut told: Vec<String> = told
            .map(|(why, what)| format!("{what} could not be read: {why}"))
            .collect();
        let others: usize = self
            .0
            .values()
            .skip(REASONS)
            .map(|what| 1 + what.more)
            .sum();
        if others > 0 {
            told.push(format!("{others} more for other reasons"));
        }
        (!told.is_empty()).then(|| told.join("; "))
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first)?;
        if self.more > 0 {
            write!(f, " and {} more", self.more)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(failures: &[(&str, &str)]) -> Option<String> {
        let mut all = Failures::default();
        for (what, why) in failures {
            all.add(format_args!("{what}"), why);
        }
        all.told()
    }

    #[test]
    fn failures_are_told_by_a_few_reasons_whatever_their_order() {
        assert_eq!(told(&[]), None);
        let mut failures = [("c", "no"), ("b", "late"), ("a", "no"), ("d", "no")];
        let two = "b could not be read: late; a and 2 more could not be read: no";
        assert_eq!(told(&failures).as_deref(), Some(two));
        failures.reverse();
        assert_eq!(told(&failures).as_deref(), Some(two));

        let others = [("e", "x"), ("f", "y"), ("g", "y")];
        let told = told(&[&failures[..], &others].concat());
        let more = format!("{two}; e could not be read: x; 2 more for other reasons");
        assert_eq!(told, Some(more));
    }
}
