//! The service's process: `clicks` runs it, `clicks --demo` adds generated clicks and a live table.

use std::pin::pin;

use clap::Parser;
use clicks::definitions::Service;
use clicks::definitions::math::{UserIdClickSource, UserIdTotalClicksView};
use clicks::{Counter, demo};

/// Counts clicks per user on Kafka.
///
/// Set KAFMESH_BROKERS to the brokers to use (default: localhost:9092).
#[derive(Parser)]
struct Options {
    /// Generate clicks and show the totals live.
    #[arg(long)]
    demo: bool,
}

#[tokio::main]
async fn main() {
    if let Err(error) = run().await {
        eprintln!("Error: {error}");
        // Returning would wait for threads that a handler blocks, however long that takes.
        std::process::exit(1);
    }
}

async fn run() -> kafmesh::Result<()> {
    let options = Options::parse();
    let log = if options.demo { "warn" } else { "info" };
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| log.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(anstream::stderr)
        .init();

    let mut service = Service::connect(kafmesh::Config::from_env()?).await?;
    service.math().register_total_clicks_processor(Counter)?;
    let clicks = service.math().user_id_click_source();
    let totals = service.math().user_id_total_clicks_view()?;
    if options.demo {
        return run_with_clicks(service, clicks, totals).await;
    }
    service.run().await
}

/// Runs the service with generated clicks, until either of them ends.
async fn run_with_clicks(
    service: Service,
    clicks: UserIdClickSource,
    totals: UserIdTotalClicksView,
) -> kafmesh::Result<()> {
    let stopper = service.stopper();
    let mut running = pin!(service.run());
    tokio::select! {
        ended = &mut running => ended,
        ended = demo::run(clicks, totals) => {
            stopper.stop();
            running.await.and(ended)
        }
    }
}
