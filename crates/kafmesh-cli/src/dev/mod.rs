//! `kafmesh dev`: broker, generator, build and services on this machine, again at every change.
//!
//! ```text
//! definition ──▶ generate ──▶ cargo build ──▶ service process ──▶ broker (in this process)
//!      ▲             ▲             ▲
//!      └── YAML, protobuf changed ─┴── Rust changed      ▲
//!                 kafmesh-discover (in this process) asks both what they are
//! ```
//! A step that fails ends the round and leaves the service running as it was.

mod broker;
mod build;
mod discover;
pub(crate) mod guard;
mod output;
mod package;
mod place;
mod process;
mod service;
mod supervise;

use std::env;
use std::path::Path;

pub use broker::Broker;
use discover::Discover;
use service::{Environment, Service};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Dev;
use crate::exit::Failure;
use crate::terminal;

/// The variable that names brokers to use instead of the embedded one.
const BROKERS: &str = "KAFMESH_BROKERS";

pub(crate) fn run(args: &Dev) -> Result<(), Failure> {
    for definition in &args.definitions {
        if !definition.is_file() {
            return Err(missing(definition));
        }
    }
    // On this thread: a child is told when the thread that made it ends (guard.rs).
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("cannot start", error))?
        .block_on(dev(args))
}

fn missing(definition: &Path) -> Failure {
    Failure::Error(format!(
        "there is no definition {}; name one, or start a project with `kafmesh new`",
        definition.display()
    ))
}

async fn dev(args: &Dev) -> Result<(), Failure> {
    let fail = |error| Failure::new("cannot listen for signals", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fail)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(fail)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(fail)?;

    let (brokers, _broker) = brokers()?;
    let states = tempfile::Builder::new()
        .prefix("kafmesh-dev-")
        .tempdir()
        .map_err(|error| Failure::new("cannot make a directory for state", error))?;
    let environment = Environment {
        brokers,
        states: states.path().to_path_buf(),
    };
    let mut services = Vec::new();
    for definition in &args.definitions {
        services.push(Service::new(
            definition,
            args,
            services.len(),
            &environment,
        )?);
    }
    let discover = Discover::start(services.iter().map(Service::address), &environment.brokers);
    let mesh = match &discover {
        Ok(discover) => Some(discover.url()),
        Err(error) => {
            terminal::error(&format!(
                "kafmesh-discover cannot start, and the services run without it: {error}"
            ));
            None
        }
    };
    let ended = tokio::select! {
        ended = supervise::run(&mut services, args.release, mesh) => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        _ = hang_up.recv() => Ok(()),
    };
    terminal::say("");
    terminal::say("stopping…");
    tokio::select! {
        () = service::stop_all(services) => {}
        // Asked twice: what still runs is killed as it is dropped.
        _ = interrupt.recv() => {}
    }
    ended
}

/// The brokers to use, and the one that was started for it, if any.
fn brokers() -> Result<(String, Option<Broker>), Failure> {
    if let Ok(brokers) = env::var(BROKERS)
        && !brokers.trim().is_empty()
    {
        step(1, &format!("using the broker at {brokers} ({BROKERS})"));
        return Ok((brokers, None));
    }
    step(1, "starting a broker in memory…");
    let broker = Broker::start().map_err(|error| Failure::new("cannot start the broker", error))?;
    Ok((broker.address().to_string(), Some(broker)))
}

/// Says what is done now: `1/4 starting a broker…`.
fn step(number: usize, what: &str) {
    terminal::done(&format!("{number}/4"), what);
}
