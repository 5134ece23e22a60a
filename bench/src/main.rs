//! Measures what a record costs, beside a bare librdkafka loop, and what large tables do.
//!
//! `cargo xtask bench` builds and runs this on a Kafka of its own. README.md says how it is measured.

mod cluster;
mod cost;
mod course;
mod process;
mod rounds;
mod show;
mod table;
mod tables;
mod usage;
mod verify;
mod watch;
mod work;
mod workload;

#[allow(
    missing_docs,
    reason = "what a description leaves out of the definition is not documented"
)]
mod definitions {
    kafmesh::include_definitions!();
}

use std::process::ExitCode;

use clap::Parser;

/// What this program is started as. It starts itself for everything that is measured.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Role {
    /// Measures what a record costs, and how large tables are restored, read and held.
    ///
    /// Everybody handles the same records on the same brokers, in turn, each time as a new process with a new
    /// group, new topics and new state. Every result is verified; a wrong one makes the command fail, a slow
    /// one does not.
    Bench(course::Options),
    /// A process that is measured.
    #[command(hide = true)]
    Work(work::Options),
    /// A process with a large table.
    #[command(hide = true)]
    Table(tables::work::Options),
    /// The processing core without Kafka.
    #[command(hide = true)]
    Cost(cost::Options),
    /// The same without commits and in one piece.
    #[command(hide = true)]
    Handling(cost::Options),
}

fn main() -> ExitCode {
    let done = match Role::parse() {
        Role::Bench(options) => course::run(&options),
        Role::Work(options) => work::run(&options).map(|()| true),
        Role::Table(options) => tables::work::run(&options).map(|()| true),
        Role::Cost(options) => cost::run(&options).map(|()| true),
        Role::Handling(options) => cost::run_handling(&options).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        // What failed has been said.
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
