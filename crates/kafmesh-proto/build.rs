//! Compiles the contracts, without protoc.

use std::path::PathBuf;

use prost::Message;

const PROTOS: &[&str] = &[
    "kafmesh/discover/v1/discover.proto",
    "kafmesh/discovery/v1/discovery_api.proto",
    "kafmesh/ping/v1/ping_api.proto",
    "kafmesh/watch/v1/watch_api.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=protos");
    let descriptors = protox::compile(PROTOS, ["protos"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
