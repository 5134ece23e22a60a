//! The command line tool as the documentation calls it: cargo gives tests the path of their own package's
//! programs only.

use std::process::ExitCode;

fn main() -> ExitCode {
    kafmesh_cli::kafmesh(std::env::args_os())
}
