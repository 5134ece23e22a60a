//! The command line `kafmesh`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kafmesh_cli::kafmesh(std::env::args_os())
}
