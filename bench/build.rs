//! Generates the benchmark's service.

fn main() -> Result<(), kafmesh_build::Error> {
    kafmesh_build::compile("definition.yaml")
}
