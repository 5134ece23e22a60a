//! A service's output, with its name before each line.

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};

use crate::terminal;

/// Passes on what a service prints, to standard output or error as it did.
pub(super) async fn label_lines(output: impl AsyncRead + Unpin, prefix: String, to_stderr: bool) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    // Ends with the service, or when its output cannot be read, which is the same to the reader.
    while output.read_until(b'\n', &mut line).await.unwrap_or(0) > 0 {
        let text = format!(
            "{prefix}{}",
            String::from_utf8_lossy(&line).trim_end_matches('\n')
        );
        if to_stderr {
            terminal::say(&text);
        } else {
            // Nobody reads it: then the service need not stop.
            terminal::print(&format!("{text}\n")).unwrap_or(());
        }
        line.clear();
    }
}
