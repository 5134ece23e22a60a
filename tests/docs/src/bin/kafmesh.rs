//! The command line tool as the documentation calls it: cargo gives tests the path of their own package's
//! programs only.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Help shows the name it was called by, and readers call it `kafmesh`.
    let arguments = std::env::args_os().skip(1);
    kafmesh_cli::kafmesh(std::iter::once("kafmesh".into()).chain(arguments))
}
