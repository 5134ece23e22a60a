//! The JSON Schemas: what they are, and that loading knows every field they name.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod golden;
mod project;

use std::path::Path;

use kafmesh_definition::{component_schema, definition_schema};
use project::Project;
use serde_json::{Map, Value, json};

#[test]
fn schemas_are_as_published() {
    let mut golden = golden::Golden::default();
    for (name, schema) in [
        ("definition", definition_schema()),
        ("component", component_schema()),
    ] {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        golden.check(
            &Path::new("tests/schema").join(name).with_extension("json"),
            &text,
        );
    }
    golden.finish();
}

/// A value of every field that `schema` has, all the way down.
fn filled(schema: &Value, root: &Value, field: &str) -> Value {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return filled(
            root.pointer(reference.trim_start_matches('#')).unwrap(),
            root,
            field,
        );
    }
    if let Some(Value::Array(choices)) = schema.get("anyOf") {
        return filled(&choices[0], root, field);
    }
    if let Some(choices) = schema.get("enum").or(schema.get("examples")) {
        return choices[0].clone();
    }
    match schema["type"].as_str().unwrap() {
        "object" => {
            let fields = schema["properties"].as_object().unwrap().iter();
            Value::Object(
                fields
                    .map(|(name, field)| (name.clone(), filled(field, root, name)))
                    .collect::<Map<_, _>>(),
            )
        }
        "array" => json!([filled(&schema["items"], root, field)]),
        "integer" => schema["minimum"].clone(),
        "boolean" => json!(true),
        "string" => match field {
            "message" => json!("userId.click"),
            "protobuf" => json!("protos"),
            "components" => json!("component.yaml"),
            other => json!(other),
        },
        other => panic!("a type the test does not know: {other}"),
    }
}

#[test]
fn every_field_of_the_schemas_is_known() {
    let definition = filled(&definition_schema(), &definition_schema(), "");
    let component = filled(&component_schema(), &component_schema(), "");
    assert_eq!(component["processors"][0]["outputs"][0]["retention"], "24h");
    // Every object fills in the topic `topic`, which would be one table of many; one use is enough here.
    let mut component = component;
    let uses = ["sinks", "viewSinks", "viewSources", "views"];
    for kind in uses {
        component[kind][0].as_object_mut().unwrap().remove("topic");
    }
    component
        .as_object_mut()
        .unwrap()
        .remove("persistence")
        .unwrap();
    let processor = component["processors"][0].as_object_mut().unwrap();
    let persistence = processor.get_mut("persistence").unwrap();
    persistence[0]["topic"] = json!("table");
    let project = Project::new(&[
        ("definition.yaml", &definition.to_string()),
        ("component.yaml", &component.to_string()),
        (
            "protos/all.proto",
            "syntax = \"proto3\";\npackage userId;\nmessage Click {}\n",
        ),
    ]);
    project
        .load("definition.yaml")
        .unwrap_or_else(|diagnostics| panic!("{diagnostics}\n{component:#}"));
}
