//! The service's process: `devices` runs it, `devices --demo` adds generated reports and shows what is kept.

use std::pin::pin;

use clap::Parser;
use devices::api::v1::devices_api_server::DevicesApiServer;
use devices::api::{self, Api};
use devices::definitions::Service;
use devices::warehouse::Warehouse;
use devices::{demo, register};

/// Keeps what devices report, with their customers, in a SQL warehouse.
///
/// Set KAFMESH_BROKERS to the brokers to use (default: localhost:9092).
#[derive(Parser)]
struct Options {
    /// The warehouse: postgres://… or sqlite:…
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        default_value = "sqlite:warehouse.sqlite?mode=rwc"
    )]
    database_url: String,
    /// Generate reports and show the rows of the warehouse as they come.
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

    let warehouse = Warehouse::connect(&options.database_url)
        .await
        .map_err(|error| {
            kafmesh::Error::handler(format!(
                "cannot open the warehouse: {error}; is DATABASE_URL right?"
            ))
        })?;
    let mut service = Service::connect(kafmesh::Config::from_env()?).await?;
    let api = register(&mut service, warehouse)?;
    service
        .add_grpc_service(DevicesApiServer::new(api.clone()))
        .add_file_descriptor_set(api::FILE_DESCRIPTOR_SET);
    if options.demo {
        return run_with_reports(service, api).await;
    }
    service.run().await
}

/// Runs the service with generated reports, until either of them ends.
async fn run_with_reports(service: Service, api: Api) -> kafmesh::Result<()> {
    let stopper = service.stopper();
    let mut running = pin!(service.run());
    tokio::select! {
        ended = &mut running => ended,
        ended = demo::run(api) => {
            stopper.stop();
            running.await.and(ended)
        }
    }
}
