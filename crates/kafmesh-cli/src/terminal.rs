//! Writing to the terminal: results to standard output, everything else to standard error.
//!
//! Colours appear on terminals only, and not with `NO_COLOR` or `CLICOLOR=0`; anstream strips them
//! elsewhere. A reader that goes away (`kafmesh graph | head`) ends the output, not the program.

use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};

use crate::exit::Failure;

/// The style of `error:`.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The style of what was done.
pub(crate) const DONE: Style = AnsiColor::Green.on_default().bold();
/// The style of headings.
pub(crate) const HEADING: Style = Style::new().bold();

/// Prints a result.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new("cannot write to standard output", error))
        }
        _ => Ok(()),
    }
}

/// Prints a line that is no result.
pub(crate) fn say(text: &str) {
    let mut err = anstream::stderr().lock();
    // Where it cannot be said, it cannot be said that it cannot be said.
    writeln!(err, "{text}").unwrap_or(());
}

/// Prints what was done: `generated internal/definitions`.
pub(crate) fn done(what: &str, text: &str) {
    say(&format!("{DONE}{what}{DONE:#} {text}"));
}

/// Prints what failed.
pub(crate) fn error(text: &str) {
    say(&format!("{ERROR}error:{ERROR:#} {text}"));
}

/// Whether standard error shows colours.
pub(crate) fn colours_on_stderr() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// `text` without what would move the cursor or fake a line: control characters are spelt out.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// `1 topic`, `2 topics`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_spelt_out() {
        assert_eq!(printable("a\u{1b}[31m\nb\té"), "a\\u{1b}[31m\\nb\\té");
    }
}
