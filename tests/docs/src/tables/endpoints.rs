//! The API of kafmesh-discover, from its own description.

use serde_json::Value;

use super::code;

/// A row per path.
pub(super) fn paths() -> String {
    let description = description();
    let paths = description["paths"].as_object().into_iter().flatten();
    let rows = paths.map(|(path, item)| {
        let operation = &item["get"];
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let query: Vec<_> = parameters
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| code(text(&parameter["name"])))
            .collect();
        let answers = operation["responses"]["200"]["content"].as_object();
        let media = answers.into_iter().flatten().map(|(media, _)| code(media));
        vec![
            code(path),
            query.join(", "),
            text(&operation["summary"]).to_owned(),
            media.collect::<Vec<_>>().join(", "),
        ]
    });
    super::table(&["path", "query", "what", "as"], rows)
}

/// A row per kind of error.
pub(super) fn problems() -> String {
    let description = description();
    let responses = description["components"]["responses"].as_object();
    let mut rows: Vec<_> = responses
        .into_iter()
        .flatten()
        .filter_map(|(_, response)| response.pointer("/content/application~1problem+json/example"))
        .map(|example| {
            vec![
                example["status"].to_string(),
                code(text(&example["type"])),
                text(&example["title"]).to_owned(),
            ]
        })
        .collect();
    rows.sort();
    super::table(&["status", "type", "means"], rows)
}

fn description() -> Value {
    serde_json::to_value(kafmesh_discover::api::description()).expect("OpenAPI is JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
