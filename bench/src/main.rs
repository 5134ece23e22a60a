//! Measures what a record costs: kafmesh services and a bare librdkafka loop over the same records.
//!
//! `cargo xtask bench` builds and runs this on a Kafka of its own. README.md says how it is measured.

mod cluster;
mod cost;
mod rounds;
mod table;
mod usage;
mod verify;
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
    /// Measures what a record costs: kafmesh services and a bare librdkafka loop over the same records.
    ///
    /// Everybody handles the same records on the same brokers, in turn, each time as a new process with a new
    /// group, new topics and new state. Every result is verified; a wrong one makes the command fail, a slow
    /// one does not.
    Bench(rounds::Options),
    /// A process that is measured.
    #[command(hide = true)]
    Work(work::Options),
    /// The processing core without Kafka.
    #[command(hide = true)]
    Cost(cost::Options),
}

fn main() -> ExitCode {
    let done = match Role::parse() {
        Role::Bench(options) => rounds::run(&options),
        Role::Work(options) => work::run(&options).map(|()| true),
        Role::Cost(options) => cost::run(&options).map(|()| true),
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
