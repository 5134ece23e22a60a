//! The example service of the README loads into the model it describes.

use std::path::Path;

#[test]
fn show() {
    match kafmesh_definition::load(Path::new("../../examples/clicks/docs/definition.yaml")) {
        Ok(definition) => println!(
            "{:#?}",
            (definition.components, definition.topics, definition.files)
        ),
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}
