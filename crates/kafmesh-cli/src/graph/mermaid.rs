//! A graph as a Mermaid flowchart.

use super::model::{Edge, Graph, Kind, Node, Role};

pub(super) fn render(graph: &Graph<'_>) -> String {
    let mut text = "flowchart LR\n".to_owned();
    let mut boxes = 0;
    for (index, service) in graph.services.iter().enumerate() {
        text.push_str(&format!(
            "  subgraph s{index}[\"{}\"]\n",
            escape(service.name)
        ));
        for component in &service.components {
            text.push_str(&format!(
                "    subgraph c{boxes}[\"{}\"]\n",
                escape(component.name)
            ));
            boxes += 1;
            for object in &component.objects {
                let (open, close) = shape(object.kind);
                let (kind, name) = (object.kind.name(), escape(object.name));
                text.push_str(&format!(
                    "      o{}{open}\"{kind}<br/><b>{name}</b>\"{close}\n",
                    object.id
                ));
            }
            text.push_str("    end\n");
        }
        text.push_str("  end\n");
    }
    for (name, id) in &graph.topics {
        text.push_str(&format!("  t{id}[(\"{}\")]\n", escape(name)));
    }
    for edge in &graph.edges {
        text.push_str(&line(edge));
    }
    text
}

fn shape(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Processor => ("[", "]"),
        Kind::Source | Kind::ViewSource => ("([", "])"),
        Kind::View => ("[[", "]]"),
        Kind::Sink | Kind::ViewSink => ("[/", "/]"),
    }
}

fn line(edge: &Edge) -> String {
    let arrow = match edge.role {
        Role::Flow => "-->",
        Role::Join | Role::Lookup => "-.->",
        Role::State => "<-->",
    };
    let label = edge
        .role
        .label()
        .map(|label| format!("|{label}|"))
        .unwrap_or_default();
    format!("  {} {arrow}{label} {}\n", node(edge.from), node(edge.to))
}

fn node(node: Node) -> String {
    match node {
        Node::Object(id) => format!("o{id}"),
        Node::Topic(id) => format!("t{id}"),
    }
}

/// `text` for inside of quotes.
///
/// Mermaid has no escape character but entities, `#34;`, and reads Markdown and HTML in labels; so
/// whatever is ASCII and not plainly harmless becomes one.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | ' ' | '.' | '-' => out.push(character),
            // Between letters it is no emphasis.
            '_' => out.push(character),
            _ if character.is_control() => out.push(' '),
            _ if character.is_ascii() => out.push_str(&format!("#{};", u32::from(character))),
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
        assert_eq!(escape("a\"]; end"), "a#34;#93;#59; end");
        assert_eq!(escape("<b>&#`x`\n*"), "#60;b#62;#38;#35;#96;x#96; #42;");
        assert_eq!(escape("größe_日本"), "größe_日本");
    }
}
