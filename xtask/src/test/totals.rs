//! Adds up what the test binaries report.

use std::fmt;

/// How many tests passed, failed and were skipped.
///
/// Its `Display` is the line that ends a test run: `N passed, N failed, N skipped`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Totals {
    /// Adds what one line of output reports; all lines but a test binary's last are ignored:
    /// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`.
    ///
    /// Tests that the caller filtered out were not meant to run and count for nothing.
    pub(crate) fn add_line(&mut self, line: &str) {
        let line = without_escapes(line);
        let Some((_, counts)) = line
            .trim_start()
            .strip_prefix("test result: ")
            .and_then(|result| result.split_once(". "))
        else {
            return;
        };
        for count in counts.split(';') {
            let mut words = count.split_whitespace();
            let (Some(number), Some(what)) = (
                words.next().and_then(|word| word.parse::<u64>().ok()),
                words.next(),
            ) else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

/// The line without colours, which test binaries print when they are forced to.
fn without_escapes(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // A control sequence ends with a letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(output: &str) -> Totals {
        let mut totals = Totals::default();
        output.lines().for_each(|line| totals.add_line(line));
        totals
    }

    #[test]
    fn all_binaries_are_added_up() {
        let output = "\
running 3 tests
test a ... ok
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/servers.rs
test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 12.30s
   Doc-tests kafmesh
test result: ok. 10 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s
";
        assert_eq!(
            totals(output),
            Totals {
                passed: 16,
                failed: 2,
                skipped: 1
            }
        );
    }

    #[test]
    fn colours_do_not_hide_a_result() {
        let line = "test result: \u{1b}[32mok\u{1b}(B\u{1b}[m. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(totals(line).passed, 2);
    }

    #[test]
    fn other_lines_count_for_nothing() {
        for line in [
            "",
            "test result: ok",
            "test passed ... ok",
            "the test result: ok. 5 passed; 1 failed",
            "5 passed",
        ] {
            assert_eq!(totals(line), Totals::default(), "{line}");
        }
    }

    #[test]
    fn the_closing_line_has_its_exact_form() {
        assert_eq!(
            Totals {
                passed: 12,
                failed: 0,
                skipped: 3
            }
            .to_string(),
            "12 passed, 0 failed, 3 skipped"
        );
    }
}
