//! What the program `kafmesh-discover` does, from its arguments to its exit code.

use std::env;
use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use tokio::signal;
use tokio_util::sync::CancellationToken;

use crate::config::{self, Config, LoadError};
use crate::{kafka, logs, run};

/// The exit code for a wrong command line or configuration.
const USAGE: u8 = 2;

/// Runs the program with the arguments and variables of this process.
pub fn main() -> ExitCode {
    let loaded = match config::load(env::args_os(), env::vars_os()) {
        Ok(loaded) => loaded,
        Err(LoadError::CommandLine(error)) => error.exit(),
        Err(error) => {
            for problem in error.to_string().lines() {
                anstream::eprintln!("error: {problem}");
            }
            return ExitCode::from(USAGE);
        }
    };
    if let Some(settings) = loaded.effective {
        // Made, which asks no broker: properties may be right one by one and not together.
        if let Some(Err(error)) = loaded.config.kafka.as_ref().map(kafka::Client::new) {
            anstream::eprintln!("error: {error}");
            return ExitCode::from(USAGE);
        }
        for warning in &loaded.warnings {
            anstream::eprintln!("warning: {warning}");
        }
        return match anstream::stdout().write_all(settings.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failed(&error),
        };
    }
    if let Err(error) = logs::init(&loaded.logs) {
        return failed(&*error);
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    match serve(loaded.config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn failed(error: &dyn Error) -> ExitCode {
    anstream::eprintln!("error: {error}");
    ExitCode::FAILURE
}

/// Runs until a signal says to stop; a second one ends it at once.
fn serve(config: Config) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let result = runtime.block_on(async {
        let stop = CancellationToken::new();
        let mut signals = Signals::new()?;
        let mut running = std::pin::pin!(run::run(config, stop.clone()));
        tokio::select! {
            result = &mut running => return Ok(result?),
            signal = signals.next() => tracing::info!("stopping: {signal}"),
        }
        stop.cancel();
        tokio::select! {
            result = &mut running => Ok(result?),
            signal = signals.next() => Err(format!("stopped at once: {signal} again").into()),
        }
    });
    // Nothing is left that would have to end in order, and a call into librdkafka may still wait.
    runtime.shutdown_background();
    result
}

/// The signals that ask a process to stop.
#[cfg(unix)]
struct Signals {
    interrupt: signal::unix::Signal,
    terminate: signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The name of the next.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        match signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            // Without signals it can only be killed.
            Err(_) => std::future::pending().await,
        }
    }
}
