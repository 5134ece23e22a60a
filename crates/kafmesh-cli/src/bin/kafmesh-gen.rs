//! The command line `kafmesh-gen`: `kafmesh generate` under the name build scripts know.

use std::process::ExitCode;

fn main() -> ExitCode {
    kafmesh_cli::kafmesh_gen(std::env::args_os())
}
