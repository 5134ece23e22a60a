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
    let spans = line.matches('`').count().is_multiple_of(2) && !line.contains("``");
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::*;

    /// What rustdoc would show of `lines`, one line each, if it is text and code spans and nothing else.
    fn shown(lines: &[String]) -> Result<Vec<String>, String> {
        // rustdoc's own, but for smart punctuation, which changes quotation marks everywhere.
        let options = Options::ENABLE_TABLES
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS;
        let markdown = lines.join("\n");
        let mut shown = String::new();
        for event in Parser::new_ext(&markdown, options) {
            match event {
                Event::Text(text) => shown.push_str(&text),
                Event::Code(text) => {
                    shown.push('`');
                    shown.push_str(&text);
                    shown.push('`');
                }
                Event::SoftBreak => shown.push('\n'),
                Event::Start(Tag::Paragraph) if !shown.is_empty() => shown.push('\n'),
                Event::Start(Tag::Paragraph) | Event::End(_) => {}
                other => return Err(format!("{other:?} in {markdown:?}")),
            }
        }
        Ok(shown.lines().map(str::to_owned).collect())
    }

    fn assert_shown_as_written(text: &str) {
        let written: Vec<_> = lines(text).filter(|line| !line.is_empty()).collect();
        assert_eq!(shown(&markdown(text)), Ok(written), "{text:?}");
    }

    #[test]
    fn descriptions_are_shown_as_written() {
        for text in [
            "plain",
            "# heading",
            "- item",
            "+ item",
            "* item",
            "1. item",
            "12) item",
            "> quote",
            "---",
            "text\n===",
            "text\n---",
            "***",
            "___",
            "```\nlet x = 1;\n```",
            "~~~\nx\n~~~",
            "    let indented = 1;",
            "\tlet indented = 1;",
            "[link](https://example.com)",
            "[a]: https://b",
            "![image](x.png)",
            "<b>html</b>",
            "<!-- comment",
            "&amp;",
            "a | b\n--|--\nc | d",
            "*bold* _it_",
            "user_id",
            "~~gone~~",
            "`code`",
            "an `open span",
            "`a` and ``b``",
            "end \\",
            "back\\slash",
            "*/ /* //",
            "[^1] and [^1]: note",
            "- [ ] task",
            "snake_case_name and __init__",
        ] {
            assert_shown_as_written(text);
        }
    }

    #[test]
    fn a_lone_address_is_a_link() {
        assert_eq!(
            markdown("https://example.com/a?b=c"),
            ["<https://example.com/a?b=c>"]
        );
    }

    #[test]
    fn characters_that_deceive_are_left_out() {
        assert_eq!(markdown("a\u{202E}b\u{2066}c\u{7}d\re"), ["abcde"]);
    }

    #[test]
    fn code_spans_hold_backticks() {
        for (text, expected) in [("a.b", "`a.b`"), ("a`b", "`` a`b ``"), ("``", "``` `` ```")] {
            assert_eq!(code(text), expected);
            assert_eq!(shown(&[code(text)]), Ok(vec![format!("`{text}`")]));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_shown(text in r"([a-z0-9 #*_\[\]()<>!&`~|=+\-.:/\\\n]|https://)*") {
            prop_assume!(!text.lines().any(|line| sole_url(line.trim()).is_some()));
            let squeezed: Vec<_> = lines(&text).filter(|line| !line.is_empty()).collect();
            let shown = shown(&markdown(&text)).map_err(TestCaseError::fail)?;
            // Code spans may lose the spaces at their ends; what counts is that nothing else happens.
            let bare = |lines: Vec<String>| lines.concat().replace(' ', "");
            prop_assert_eq!(bare(shown), bare(squeezed));
        }

        #[test]
        fn doc_comments_of_anything_parse(text in any::<String>()) {
            let attributes = attributes(markdown(&text));
            let source = prettyplease::unparse(&syn::parse_quote!(#attributes pub struct Documented;));
            let again: syn::File = syn::parse_file(&source).unwrap();
            prop_assert_eq!(again.items.len(), 1);
        }
    }
}
