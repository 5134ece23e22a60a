//! The command lines kafmesh and kafmesh-gen.
//!
//! What they print is for people unless `--format` asks for something else. Results (JSON, tables,
//! graphs, schemas, findings as `json` or `github`) go to standard output; progress, errors and
//! findings as `text` go to standard error, so that a pipe carries nothing but the result.
//!
//! The exit code is 0 when there is nothing to object to, 1 when there are findings or something
//! failed, and 2 when the command line itself is wrong.

mod args;
mod check;
mod definitions;
mod describe;
#[cfg(all(feature = "dev", unix))]
pub mod dev;
mod directory;
mod exit;
mod generate;
mod graph;
mod new;
mod report;
mod schema;
mod terminal;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use args::{Command, Gen, Kafmesh};
use clap::{CommandFactory as _, Parser as _};
use exit::Failure;
use report::Format;

/// Runs `kafmesh` with `args`, the first of which is the program's name.
pub fn kafmesh(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<_> = args.into_iter().collect();
    #[cfg(all(feature = "dev", unix))]
    if args.get(1).is_some_and(|first| first == dev::guard::BECOME) {
        return exit::code(Err(Failure::Error(dev::guard::become_program(
            args.into_iter().skip(2),
        ))));
    }
    let command = match Kafmesh::try_parse_from(args) {
        Ok(args) => args.command,
        Err(error) => return usage(&error),
    };
    exit::code(run(command))
}

/// Runs `kafmesh-gen` with `args`, the first of which is the program's name.
pub fn kafmesh_gen(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Gen::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    exit::code(generate::write(&[args.definition], Format::Text))
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::New(args) => new::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Describe(args) => describe::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Schema(args) => schema::run(&args),
        #[cfg(all(feature = "dev", unix))]
        Command::Dev(args) => dev::run(&args),
        Command::Completions(args) => {
            let mut script = Vec::new();
            clap_complete::generate(args.shell, &mut Kafmesh::command(), "kafmesh", &mut script);
            terminal::print(&String::from_utf8_lossy(&script))
        }
    }
}

/// Help and versions are asked for and succeed; anything else is a wrong command line.
fn usage(error: &clap::Error) -> ExitCode {
    // Nothing is left to do about a terminal that cannot be written to.
    error.print().unwrap_or(());
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}
