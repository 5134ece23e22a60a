//! A page of the documentation: its blocks of code, its links and the anchors it has.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::section;

/// A page of Markdown.
#[derive(Debug, Default)]
pub struct Page {
    /// Blocks of code, in order, those in generated sections left out.
    pub blocks: Vec<RawBlock>,
    /// Where links lead to, as written.
    pub links: Vec<String>,
    /// What `#…` links to this page may say.
    pub anchors: Vec<String>,
}

/// A block of code as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawBlock {
    /// What stands behind the opening fence.
    pub info: String,
    /// The code.
    pub text: String,
    /// The line of the opening fence, from 1.
    pub line: usize,
}

impl Page {
    /// Reads `markdown`.
    pub fn parse(markdown: &str) -> Self {
        let generated = section::inner_ranges(markdown);
        let is_generated =
            |range: &Range<usize>| generated.iter().any(|inner| inner.contains(&range.start));
        let mut page = Self::default();
        let mut block: Option<RawBlock> = None;
        let mut heading: Option<String> = None;
        for (event, range) in Parser::new_ext(markdown, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let info = match kind {
                        CodeBlockKind::Fenced(info) => info.to_string(),
                        CodeBlockKind::Indented => "indented".to_owned(),
                    };
                    let line = markdown[..range.start].matches('\n').count() + 1;
                    block = Some(RawBlock {
                        info,
                        text: String::new(),
                        line,
                    });
                }
                Event::End(TagEnd::CodeBlock) => page
                    .blocks
                    .extend(block.take().filter(|_| !is_generated(&range))),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.to_string())
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page
                    .anchors
                    .extend(heading.take().map(|text| anchor(&text))),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(block) = &mut block {
                        block.text.push_str(&text);
                    } else if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        page
    }
}

/// The anchor GitHub gives a heading: lower case, spaces to `-`, other punctuation left out.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// The links of the page at `path` that lead nowhere; `exists` knows the files, `anchors` a page's anchors.
pub fn dead_links(
    path: &str,
    page: &Page,
    exists: impl Fn(&str) -> bool,
    anchors: impl Fn(&str) -> Vec<String>,
) -> Vec<String> {
    let mut dead = Vec::new();
    for link in &page.links {
        if link.contains("://") || link.starts_with("mailto:") {
            continue;
        }
        let (file, anchor) = link
            .split_once('#')
            .map_or((link.as_str(), None), |(file, anchor)| (file, Some(anchor)));
        let target = if file.is_empty() {
            path.to_owned()
        } else {
            resolved(path, file)
        };
        if !exists(&target) {
            dead.push(format!(
                "{path}: {link} leads to {target}, which is not there"
            ));
        } else if let Some(anchor) = anchor
            && !anchors(&target).iter().any(|known| known == anchor)
        {
            dead.push(format!("{path}: {target} has no heading for #{anchor}"));
        }
    }
    dead
}

/// The path from the root that `link` means on the page at `path`.
fn resolved(path: &str, link: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# What `it` is: a test

See [there](b.md#two-words), [here](#what-it-is-a-test) and [nowhere](../gone.md).

```rust file=a.rs
fn main() {}
```

<!-- generated: x -->
```text
not mine
```
<!-- /generated -->
";

    #[test]
    fn blocks_are_found_with_their_place_and_without_generated_ones() {
        let page = Page::parse(PAGE);
        assert_eq!(
            page.blocks,
            [RawBlock {
                info: "rust file=a.rs".into(),
                text: "fn main() {}\n".into(),
                line: 5
            }]
        );
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let page = Page::parse(PAGE);
        let dead = dead_links(
            "docs/a.md",
            &page,
            |path| path != "gone.md",
            |path| {
                if path == "docs/b.md" {
                    vec!["one-word".into()]
                } else {
                    page.anchors.clone()
                }
            },
        );
        assert_eq!(
            dead,
            [
                "docs/a.md: docs/b.md has no heading for #two-words",
                "docs/a.md: ../gone.md leads to gone.md, which is not there",
            ]
        );
    }
}
