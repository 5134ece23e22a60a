//! The map as a Mermaid flowchart.

use super::outline::{Group, Outline, Shape, line, put};
use crate::api::subgraph::Subgraph;
use crate::mesh::graph::Label;

/// A flowchart of a part of the mesh.
pub(in crate::api) fn mermaid(part: &Subgraph<'_>) -> String {
    let outline = Outline::new(part);
    let mut text = "flowchart LR\n".to_owned();
    for group in &outline.groups {
        subgraph(&mut text, group, 1);
    }
    for shape in &outline.outside {
        node(&mut text, shape, 1);
    }
    for arrow in &outline.arrows {
        let (from, to) = (arrow.from, arrow.to);
        match arrow.text {
            None => put(&mut text, format_args!("  n{from} --> n{to}\n")),
            Some(what) => put(&mut text, format_args!("  n{from} -->|{what}| n{to}\n")),
        }
    }
    text.push_str("  classDef stale stroke-dasharray: 4 4\n");
    text
}

fn subgraph(text: &mut String, group: &Group<'_>, depth: usize) {
    let indent = "  ".repeat(depth);
    let (number, name) = (group.number, quoted(group.name));
    put(text, format_args!("{indent}subgraph n{number}[{name}]\n"));
    for inner in &group.groups {
        subgraph(text, inner, depth + 1);
    }
    for shape in &group.shapes {
        node(text, shape, depth + 1);
    }
    put(text, format_args!("{indent}end\n"));
}

fn node(text: &mut String, shape: &Shape<'_>, depth: usize) {
    let (begin, end) = match shape.label {
        Label::Topic => ("[(", ")]"),
        Label::Source | Label::ViewSource => ("([", "])"),
        Label::Sink | Label::ViewSink => ("[/", "/]"),
        Label::View => ("[[", "]]"),
        Label::Message => ("{{", "}}"),
        _ => ("[", "]"),
    };
    let class = if shape.stale { ":::stale" } else { "" };
    let (indent, number, name) = ("  ".repeat(depth), shape.number, quoted(shape.name));
    put(
        text,
        format_args!("{indent}n{number}{begin}{name}{end}{class}\n"),
    );
}

/// A label. Mermaid knows no escape but `#NUMBER;`, and reads some marks even within quotes (`` ` ``,
/// `<`, `#`), so every mark that is not known to be harmless is written as its number.
fn quoted(name: &str) -> String {
    let label = line(name, |label, c| {
        if c.is_alphanumeric() || " .,:-_/()…".contains(c) || ('\u{2400}'..='\u{2421}').contains(&c)
        {
            label.push(c);
        } else {
            put(label, format_args!("#{};", c as u32));
        }
    });
    // Mermaid drops a subgraph without a title, and a node of nothing is hard to see.
    if label.trim().is_empty() {
        return "\"(no name)\"".to_owned();
    }
    format!("\"{label}\"")
}
