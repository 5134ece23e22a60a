//! The program `kafmesh-discover`.

use std::process::ExitCode;

fn main() -> ExitCode {
    kafmesh_discover::program::main()
}
