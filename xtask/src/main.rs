//! Repository chores: demo, test, bench and the servers they need.

mod args;
mod bench;
mod cache;
mod codegen;
mod demo;
mod go;
mod interrupt;
mod kafka;
mod maven;
mod neo4j;
mod ports;
mod postgres;
mod process;
mod require;
mod say;
mod scratch;
mod server_log;
mod servers;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

use args::Task;

/// What shells report for a command that Ctrl-C ended: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments
        .next_if(|first| first == process::TETHER)
        .is_some()
    {
        // Comes back only when the program could not be started.
        let Err(error) = process::become_tethered(arguments);
        say::error(format!("{error:#}"));
        return ExitCode::FAILURE;
    }
    let task = match args::parse(arguments) {
        Ok(task) => task,
        Err(error) => {
            say::error(format!("{error:#}"));
            return ExitCode::from(2);
        }
    };
    match run(&task) {
        Ok(true) => ExitCode::SUCCESS,
        // What failed has been said.
        Ok(false) => ExitCode::FAILURE,
        Err(error) if error.is::<interrupt::Interrupted>() => ExitCode::from(INTERRUPTED),
        Err(error) => {
            say::error(format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Does what was asked for; returns whether all went well.
fn run(task: &Task) -> Result<bool> {
    interrupt::listen()?;
    match task {
        Task::Help => {
            print!("{}", args::HELP);
            Ok(true)
        }
        Task::Demo => demo::run(),
        Task::Test(options) => test::run(options),
        Task::Bench(options) => bench::run(options),
        Task::Codegen(mode) => codegen::run(*mode),
        Task::ServersKafka { nodes } => servers::kafka(*nodes),
        Task::ServersPostgres => servers::postgres(),
        Task::ServersNeo4j => servers::neo4j(),
        Task::ServersKubernetes => servers::kubernetes(),
        Task::ServersTools => servers::tools(),
    }
}

/// The root of the repository.
fn root() -> PathBuf {
    // This crate's folder is directly below it.
    let mut root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    root.pop();
    root
}
