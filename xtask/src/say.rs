//! What is said to the person at the terminal: status lines on stderr, coloured only where that is welcome.

use std::io::IsTerminal as _;
use std::sync::OnceLock;
use std::time::Duration;

/// Announces what is being done now.
pub(crate) fn step(message: impl AsRef<str>) {
    line("1;32", "==>", message.as_ref());
}

/// Adds a detail to the step under way.
pub(crate) fn note(message: impl AsRef<str>) {
    eprintln!("    {}", message.as_ref());
}

/// Reports what went wrong.
pub(crate) fn error(message: impl AsRef<str>) {
    line("1;31", "error:", message.as_ref());
}

fn line(style: &str, label: &str, message: &str) {
    if coloured() {
        eprintln!("\u{1b}[{style}m{label}\u{1b}[0m {message}");
    } else {
        eprintln!("{label} {message}");
    }
}

/// Whether stderr is a terminal that can redraw a line.
pub(crate) fn interactive() -> bool {
    static INTERACTIVE: OnceLock<bool> = OnceLock::new();
    *INTERACTIVE.get_or_init(|| {
        std::io::stderr().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    })
}

/// Replaces the current terminal line; says nothing where there is no terminal.
pub(crate) fn progress(message: impl AsRef<str>) {
    if interactive() {
        eprint!("\r\u{1b}[K    {}", message.as_ref());
    }
}

/// Removes what [`progress`] drew.
pub(crate) fn progress_done() {
    if interactive() {
        eprint!("\r\u{1b}[K");
    }
}

/// A duration as people read it: `0.4 s`, `12.3 s`, `2 min 05 s`.
pub(crate) fn took(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

/// Follows <https://no-color.org>: set and not empty turns colours off.
fn coloured() -> bool {
    static COLOURED: OnceLock<bool> = OnceLock::new();
    *COLOURED.get_or_init(|| {
        interactive() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_naturally() {
        for (millis, expected) in [
            (440, "0.4 s"),
            (12_340, "12.3 s"),
            (60_000, "1 min 00 s"),
            (125_900, "2 min 05 s"),
        ] {
            assert_eq!(took(Duration::from_millis(millis)), expected);
        }
    }
}
