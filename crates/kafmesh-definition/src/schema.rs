//! JSON Schemas, so that editors complete and check the YAML.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, transform};
use serde_json::{Value, json};

use crate::raw::{RawComponent, RawDefinition};

/// The JSON Schema (2020-12) of `definition.yaml`.
///
/// ```
/// let schema = kafmesh_definition::definition_schema();
/// assert_eq!(schema["properties"]["name"]["type"], "string");
/// ```
#[must_use]
pub fn definition_schema() -> Value {
    schema::<RawDefinition>()
}

/// The JSON Schema (2020-12) of a component file.
///
/// ```
/// let schema = kafmesh_definition::component_schema();
/// assert_eq!(schema["required"], serde_json::json!(["name"]));
/// ```
#[must_use]
pub fn component_schema() -> Value {
    schema::<RawComponent>()
}

fn schema<T: JsonSchema>() -> Value {
    let settings =
        SchemaSettings::draft2020_12().with_transform(transform::RecursiveTransform(closed));
    settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// Forbids unknown fields, which are mistakes in a definition too, and lists the fields that must be
/// there; the raw types mark those, since to serde no field is required: a missing one is reported
/// with all other mistakes.
fn closed(schema: &mut schemars::Schema) {
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        return;
    };
    let mut required = Vec::new();
    for (name, property) in properties {
        if property
            .as_object_mut()
            .is_some_and(|property| property.remove("required") == Some(json!(true)))
        {
            required.push(json!(name));
        }
    }
    if !required.is_empty() {
        schema.insert("required".into(), Value::Array(required));
    }
    schema.insert("additionalProperties".into(), json!(false));
}
