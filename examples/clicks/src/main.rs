//! The service's process: `clicks` runs it, `clicks --demo` adds generated clicks and a live table.

use clap::Parser;
use clicks::{Counter, definitions, demo};

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
async fn main() -> kafmesh::Result<()> {
    let options = Options::parse();
    let log = if options.demo { "warn" } else { "info" };
    let filter =
        tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| log.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(anstream::stderr)
        .init();

    let mut service = definitions::Service::connect(kafmesh::Config::from_env()?).await?;
    service.math().register_total_clicks_processor(Counter)?;
    let clicks = service.math().user_id_click_source();
    let totals = service.math().user_id_total_clicks_view()?;
    if options.demo {
        let stopper = service.stopper();
        tokio::spawn(async move {
            if let Err(error) = demo::run(clicks, totals).await {
                tracing::error!(%error, "the demo ended");
                stopper.stop();
            }
        });
    }
    service.run().await
}
