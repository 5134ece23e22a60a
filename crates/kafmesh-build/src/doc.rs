//! Doc comments: the definition's own words, escaped so that rustdoc shows them as written.
//!
//! Descriptions come from YAML and comments from proto files; neither may turn into a doctest, a link,
//! HTML or the end of a comment.

use proc_macro2::TokenStream;
use quote::quote;

/// Doc attributes from lines that are Markdown already.
pub(crate) fn attributes<S: AsRef<str>>(lines: impl IntoIterator<Item = S>) -> TokenStream {
    let lines = lines.into_iter().map(|line| match line.as_ref() {
        "" => String::new(),
        line => format!(" {line}"),
    });
    quote!(#(#[doc = #lines])*)
}

/// The lines of `text` as Markdown that renders as `text`; single code spans stay code.
pub(crate) fn markdown(text: &str) -> Vec<String> {
    lines(text).map(|line| escape_line(&line)).collect()
}

/// `text` as a Markdown code span.
pub(crate) fn code(text: &str) -> String {
    let text = lines(text).collect::<Vec<_>>().join(" ");
    if text.contains('`') {
        // A code span may hold shorter runs of backticks than the run that opens it.
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest + 1);
        format!("{fence} {text} {fence}")
    } else {
        format!("`{text}`")
    }
}

/// A proto comment that prost may copy into a doc comment. Only what prost leaves alone is replaced, and by
/// entities, since prost escapes brackets with backslashes itself.
pub(crate) fn proto_comment(text: &str) -> String {
    lines(text)
        .map(|line| {
            let mut escaped = String::with_capacity(line.len() + 1);
            escaped.push(' ');
            for c in line.chars() {
                match c {
                    '[' => escaped.push_str("&#91;"),
                    '<' => escaped.push_str("&lt;"),
                    _ => escaped.push(c),
                }
            }
            escaped
                .replace("```", "&#96;&#96;&#96;")
                .replace("~~~", "&#126;&#126;&#126;")
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Lines without indentation (four spaces start a code block) and without characters that break a comment
/// or, as bidirectional controls do, make it read as something else.
fn lines(text: &str) -> impl Iterator<Item = String> {
    text.trim().lines().map(|line| {
        let visible: String = line
            .chars()
            .filter(|c| !is_unsafe(*c))
            .map(|c| if c == '\t' { ' ' } else { c })
            .collect();
        visible.trim().to_owned()
    })
}

fn is_unsafe(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn escape_line(line: &str) -> String {
    if let Some(word) = sole_url(line) {
        return word;
    }
    let mut escaped = String::with_capacity(line.len() + 8);
    if starts_block(line) {
        escaped.push('\\');
    }
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let list_mark = (numbered.len() < line.len()).then(|| line.len() - numbered.len());
    let spans = line.matches('`').count() % 2 == 0 && !line.contains("``");
    let mut in_code = false;
    let mut previous = ' ';
    let mut rest = line.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let next = rest.peek().map(|(_, next)| *next);
        match c {
            // The end of a list item's number.
            '.' | ')' if list_mark == Some(at) => escaped.push('\\'),
            '`' if spans => in_code = !in_code,
            _ if in_code => {}
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '&' | '~' | '|' | '$' | '^' => {
                escaped.push('\\');
            }
            // Inside a word (`user_id`) an underscore is plain text.
            '_' if !(previous.is_alphanumeric() && next.is_some_and(char::is_alphanumeric)) => {
                escaped.push('\\');
            }
            // Keeps a bare address from being linted for not being a link.
            ':' if next == Some('/') => escaped.push('\\'),
            _ => {}
        }
        escaped.push(c);
        previous = c;
    }
    escaped
}

/// Whether Markdown reads the start of `line` as a heading, a rule, an underline or a list item.
fn starts_block(line: &str) -> bool {
    line.starts_with(['#', '=', '+', '-'])
}

/// `<URL>` when the line is nothing but an address.
fn sole_url(line: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&'()*+,;=%".contains(c);
    let is_url =
        (line.starts_with("https://") || line.starts_with("http://")) && line.chars().all(plain);
    is_url.then(|| format!("<{line}>"))
}
