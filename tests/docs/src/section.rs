//! Sections of a page that are made from the code: between `<!-- generated: NAME -->` and `<!-- /generated -->`.

use std::ops::Range;

const BEGIN: &str = "<!-- generated: ";
const BEGIN_END: &str = " -->\n";
const END: &str = "<!-- /generated -->";

/// A generated section.
#[derive(Debug, PartialEq, Eq)]
struct Section<'a> {
    name: &'a str,
    /// The bytes between the marks.
    inner: Range<usize>,
}

/// The bytes of `page` that are generated.
pub fn inner_ranges(page: &str) -> Vec<Range<usize>> {
    sections(page)
        .into_iter()
        .map(|section| section.inner)
        .collect()
}

/// `page` with every generated section as `generate` makes it from its name.
pub fn updated(page: &str, mut generate: impl FnMut(&str) -> String) -> String {
    let mut text = String::new();
    let mut at = 0;
    for section in sections(page) {
        text.push_str(&page[at..section.inner.start]);
        text.push('\n');
        text.push_str(generate(section.name).trim());
        text.push_str("\n\n");
        at = section.inner.end;
    }
    text + &page[at..]
}

fn sections(page: &str) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    let mut at = 0;
    while let Some(begin) = page[at..].find(BEGIN).map(|found| at + found) {
        let name = begin + BEGIN.len();
        let line = page[name..]
            .find(BEGIN_END)
            .expect("the mark of a generated section ends its line");
        let inner = name + line + BEGIN_END.len();
        let end = inner
            + page[inner..]
                .find(END)
                .expect("a generated section has an end");
        sections.push(Section {
            name: &page[name..name + line],
            inner: inner..end,
        });
        at = end;
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_rest_kept() {
        let page = "a\n<!-- generated: x y -->\nold\n<!-- /generated -->\nb\n<!-- generated: z -->\n<!-- /generated -->\n";
        let new = updated(page, |name| format!("new {name}"));
        assert_eq!(
            new,
            "a\n<!-- generated: x y -->\n\nnew x y\n\n<!-- /generated -->\nb\n<!-- generated: z -->\n\nnew z\n\n<!-- /generated -->\n"
        );
        assert_eq!(updated(&new, |name| format!("new {name}")), new);
    }

    #[test]
    #[should_panic(expected = "has an end")]
    fn a_section_without_an_end_is_a_mistake() {
        updated("<!-- generated: x -->\n", str::to_owned);
    }
}
