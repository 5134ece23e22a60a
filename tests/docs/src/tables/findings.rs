//! What kafmesh-discover finds wrong with a mesh.

use kafmesh_discover::mesh::findings::FindingKind;
use serde_json::{Value, json};

use super::code;

/// A row per kind, the worst first.
pub(super) fn table() -> String {
    let rows = FindingKind::ALL.iter().map(|kind| {
        vec![
            code(text(&json!(kind))),
            text(&json!(kind.severity())).to_owned(),
            kind.meaning().trim_end_matches('.').to_owned(),
            kind.advice().to_owned(),
        ]
    });
    super::table(&["kind", "severity", "means", "what to do"], rows)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
