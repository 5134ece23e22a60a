//! The map as a graph in Graphviz' DOT.

use super::outline::{Group, Outline, Shape, line, put};
use crate::api::subgraph::Subgraph;
use crate::mesh::graph::Label;

/// A directed graph of a part of the mesh.
pub(in crate::api) fn dot(part: &Subgraph<'_>) -> String {
    let outline = Outline::new(part);
    let mut text = "digraph mesh {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for group in &outline.groups {
        cluster(&mut text, group, 1);
    }
    for shape in &outline.outside {
        node(&mut text, shape, 1);
    }
    for arrow in &outline.arrows {
        let (from, to) = (arrow.from, arrow.to);
        match arrow.text {
            None => put(&mut text, format_args!("  n{from} -> n{to};\n")),
            Some(what) => put(
                &mut text,
                format_args!("  n{from} -> n{to} [label=\"{what}\"];\n"),
            ),
        }
    }
    text.push_str("}\n");
    text
}

fn cluster(text: &mut String, group: &Group<'_>, depth: usize) {
    let indent = "  ".repeat(depth);
    let (number, name) = (group.number, quoted(group.name));
    put(text, format_args!("{indent}subgraph cluster_{number} {{\n"));
    put(text, format_args!("{indent}  label={name};\n"));
    for inner in &group.groups {
        cluster(text, inner, depth + 1);
    }
    for shape in &group.shapes {
        node(text, shape, depth + 1);
    }
    put(text, format_args!("{indent}}}\n"));
}

fn node(text: &mut String, shape: &Shape<'_>, depth: usize) {
    let form = match shape.label {
        Label::Topic => "cylinder",
        Label::Source | Label::ViewSource => "ellipse",
        Label::Sink | Label::ViewSink => "parallelogram",
        Label::View => "folder",
        Label::Message => "hexagon",
        _ => "box",
    };
    let style = if shape.stale { ", style=dashed" } else { "" };
    let (indent, number, name) = ("  ".repeat(depth), shape.number, quoted(shape.name));
    put(
        text,
        format_args!("{indent}n{number} [label={name}, shape={form}{style}];\n"),
    );
}

/// A label: quotes and backslashes are escaped, `&` begins an entity of HTML.
fn quoted(name: &str) -> String {
    let label = line(name, |label, c| match c {
        '"' => label.push_str("\\\""),
        '\\' => label.push_str("\\\\"),
        '&' => label.push_str("&amp;"),
        c => label.push(c),
    });
    format!("\"{label}\"")
}
