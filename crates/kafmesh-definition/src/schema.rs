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

/// Forbids unknown fields: they are mistakes in a definition too.
fn closed(schema: &mut schemars::Schema) {
    if schema.get("properties").is_some() {
        schema.insert("additionalProperties".into(), json!(false));
    }
}
