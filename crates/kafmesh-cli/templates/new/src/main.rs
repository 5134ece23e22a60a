//! The service's process: connects, registers what it runs, and runs it until it is told to stop.

mod counter;
mod definitions;

use std::io::IsTerminal as _;
use std::pin::pin;
use std::time::Duration;

use counter::Counter;
use definitions::Components;
use definitions::clicks::{UserIdClickSource, UserIdTotalClicksView};
use definitions::models::Click;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    if let Err(error) = run().await {
        eprintln!("Error: {error}");
        // Returning would wait for threads that a handler blocks, however long that takes.
        std::process::exit(1);
    }
}

async fn run() -> kafmesh::Result<()> {
    let mut service = definitions::Service::connect(kafmesh::Config::from_env()?).await?;
    register(&mut service)?;
    let clicks = service.clicks().user_id_click_source();
    let totals = service.clicks().user_id_total_clicks_view()?;
    if std::env::args().any(|argument| argument == "--traffic") {
        return run_with_traffic(service, clicks, totals).await;
    }
    service.run().await
}

/// Runs the service with generated clicks, until either of them ends.
async fn run_with_traffic(
    service: definitions::Service,
    clicks: UserIdClickSource,
    totals: UserIdTotalClicksView,
) -> kafmesh::Result<()> {
    let stopper = service.stopper();
    let mut running = pin!(service.run());
    tokio::select! {
        ended = &mut running => ended,
        ended = traffic(clicks, totals) => {
            stopper.stop();
            running.await.and(ended)
        }
    }
}

/// Registers what the service runs, in the service and in its tests.
fn register(components: &mut impl Components) -> kafmesh::Result<()> {
    components.clicks().register_total_clicks_processor(Counter)
}

/// Emits a click per second and prints the totals, so that there is something to see.
async fn traffic(clicks: UserIdClickSource, totals: UserIdTotalClicksView) -> kafmesh::Result<()> {
    totals.ready().await?;
    for user in ["ada", "grace", "ada", "alan"].into_iter().cycle() {
        clicks.emit(user, &Click { page: "/".to_owned() }).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let total = totals.get(user)?.unwrap_or_default();
        println!("{user} clicked: {} so far", total.count);
    }
    Ok(())
}
