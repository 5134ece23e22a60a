//! A graph in DOT, for Graphviz.

use super::model::{Edge, Graph, Kind, Node, Role};

pub(super) fn render(graph: &Graph<'_>) -> String {
    let mut text = "digraph kafmesh {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n  \
                    graph [fontname=\"sans-serif\"];\n"
        .to_owned();
    let mut boxes = 0;
    for (index, service) in graph.services.iter().enumerate() {
        text.push_str(&format!("  subgraph cluster_s{index} {{\n"));
        text.push_str(&format!("    label=\"{}\";\n", escape(service.name)));
        for component in &service.components {
            text.push_str(&format!("    subgraph cluster_c{boxes} {{\n"));
            text.push_str(&format!("      label=\"{}\";\n", escape(component.name)));
            boxes += 1;
            for object in &component.objects {
                let (shape, kind) = (shape(object.kind), object.kind.name());
                text.push_str(&format!(
                    "      o{} [shape={shape}, label=\"{kind}\\n{}\"];\n",
                    object.id,
                    escape(object.name)
                ));
            }
            text.push_str("    }\n");
        }
        text.push_str("  }\n");
    }
    for (name, id) in &graph.topics {
        text.push_str(&format!(
            "  t{id} [shape=cylinder, label=\"{}\"];\n",
            escape(name)
        ));
    }
    for edge in &graph.edges {
        text.push_str(&line(edge));
    }
    text.push_str("}\n");
    text
}

fn shape(kind: Kind) -> &'static str {
    match kind {
        Kind::Processor => "box",
        Kind::Source | Kind::ViewSource => "cds",
        Kind::View => "note",
        Kind::Sink | Kind::ViewSink => "house",
    }
}

fn line(edge: &Edge) -> String {
    let attributes = match (edge.role, edge.role.label()) {
        (Role::Join | Role::Lookup, Some(label)) => format!(" [style=dashed, label=\"{label}\"]"),
        (Role::State, Some(label)) => format!(" [dir=both, label=\"{label}\"]"),
        _ => String::new(),
    };
    format!("  {} -> {}{attributes};\n", node(edge.from), node(edge.to))
}

fn node(node: Node) -> String {
    match node {
        Node::Object(id) => format!("o{id}"),
        Node::Topic(id) => format!("t{id}"),
    }
}

/// `text` for inside of quotes: DOT knows `\"`, and in labels `\n`, `\l`, `\N` and more, so that a
/// backslash must be doubled; `&` would begin an HTML entity.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '&' => out.push_str("&amp;"),
            _ if character.is_control() => out.push(' '),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_is_syntax() {
        assert_eq!(escape("total clicks"), "total clicks");
        assert_eq!(escape("a\"]; } \\N\n&lt;"), "a\\\"]; } \\\\N &amp;lt;");
        assert_eq!(escape("größe <日本>"), "größe <日本>");
    }
}
