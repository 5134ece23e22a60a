//! The fields of a mapping in the YAML, from the JSON Schema.

use serde_json::Value;

use super::{code, table};

/// A row per field of `object` (`Definition`, `Processor`, …).
pub(super) fn of(object: &str) -> String {
    let definition = kafmesh_definition::definition_schema();
    let component = kafmesh_definition::component_schema();
    let schema = match object {
        "Definition" => &definition,
        "Component" => &component,
        _ => [&definition, &component]
            .into_iter()
            .find_map(|root| root["$defs"].get(object))
            .unwrap_or_else(|| panic!("the schemas have no `{object}`")),
    };
    let properties = schema["properties"]
        .as_object()
        .expect("a mapping has fields");
    let required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|names| names.iter().any(|one| one == name))
    };
    // The schema is sorted; what must be there comes first.
    let (first, rest): (Vec<_>, Vec<_>) = properties.iter().partition(|(name, _)| required(name));
    let rows = first.into_iter().chain(rest).map(|(name, field)| {
        let description = field["description"]
            .as_str()
            .unwrap_or_else(|| panic!("{object}.{name} has no description"));
        let (meaning, default) = split_default(description);
        let default = if required(name) {
            "required".to_owned()
        } else {
            default
        };
        vec![code(name), kind(field), default, meaning]
    });
    table(&["field", "type", "default", "meaning"], rows)
}

/// The description without its `Default: …`, and what that says.
fn split_default(description: &str) -> (String, String) {
    let description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    match description.split_once(" Default: ") {
        Some((meaning, default)) => (meaning.to_owned(), default.trim_end_matches('.').to_owned()),
        None => (description, String::new()),
    }
}

fn kind(field: &Value) -> String {
    if let Some(reference) = field["$ref"].as_str() {
        return format!(
            "mapping ({})",
            reference.rsplit('/').next().unwrap_or_default()
        );
    }
    if let Some(all) = field["allOf"].as_array() {
        return all.iter().map(kind).collect();
    }
    if let Some(any) = field["anyOf"].as_array() {
        let list = any
            .iter()
            .find(|one| one["type"] == "array")
            .expect("one or many");
        return format!(
            "list of {}",
            kind(&list["items"])
                .replacen("mapping (", "mappings (", 1)
                .replacen("string", "strings", 1)
        );
    }
    if field["enum"].is_array() {
        return "`protobuf`".to_owned();
    }
    if field["pattern"].is_string() {
        return "duration".to_owned();
    }
    match field["type"].as_str() {
        Some("integer") => format!("number from {}", field["minimum"]),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("string") => "string".to_owned(),
        _ => panic!("a field of an unknown type: {field}"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_default_is_taken_from_the_description() {
        assert_eq!(
            super::split_default("A name.\n Default: `a.b`."),
            ("A name.".to_owned(), "`a.b`".to_owned())
        );
        assert_eq!(
            super::split_default("A name."),
            ("A name.".to_owned(), String::new())
        );
    }
}
