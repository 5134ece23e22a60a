//! The program itself: cargo gives tests the path of their own package's programs only.

use std::process::ExitCode;

fn main() -> ExitCode {
    kafmesh_discover::program::main()
}
