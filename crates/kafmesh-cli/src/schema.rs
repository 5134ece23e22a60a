//! `kafmesh schema`: the JSON Schema of the YAML files.

use crate::args::{Schema, SchemaKind};
use crate::exit::Failure;
use crate::terminal;

pub(crate) fn run(args: &Schema) -> Result<(), Failure> {
    let schema = match args.kind {
        SchemaKind::Definition => kafmesh_definition::definition_schema(),
        SchemaKind::Component => kafmesh_definition::component_schema(),
    };
    let text = serde_json::to_string_pretty(&schema)
        .map_err(|error| Failure::new("cannot write the schema as JSON", error))?;
    terminal::print(&format!("{text}\n"))
}
