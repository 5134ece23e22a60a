//! Generates the code of the shop's definition.

fn main() -> Result<(), kafmesh_build::Error> {
    kafmesh_build::compile("docs/definition.yaml")
}
