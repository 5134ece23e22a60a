//! The service's process: `devices` runs it, `devices --demo` adds generated reports and shows what is kept.

use clap::Parser;
use devices::api::v1::devices_api_server::DevicesApiServer;
use devices::api::{self, Api};
use devices::warehouse::Warehouse;
use devices::{DetailsEnrichment, HeartbeatEnrichment, definitions, demo};
use kafmesh::Batching;

/// Keeps what devices report, with their customers, in a SQL warehouse.
///
/// Set KAFMESH_BROKERS to the brokers to use (default: localhost:9092).
#[derive(Parser)]
struct Options {
    /// The warehouse: postgres://… or sqlite:…; when left out, a file in the directory of the local state.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Generate reports and show the rows of the warehouse as they come.
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

    let config = kafmesh::Config::from_env()?;
    let warehouse = connect(options.database_url, &config).await?;
    let mut service = definitions::Service::connect(config).await?;

    let api = Api {
        customers: service.assignments().customer_id_details_source(),
        assignments: service.assignments().device_id_customer_source(),
        details: service.details().device_id_details_source(),
        heartbeats: service.heartbeats().device_id_heartbeat_source(),
        known_customers: service.assignments().customer_id_details_view()?,
        known_assignments: service.assignments().device_id_customer_view()?,
        known_details: service.details().device_id_enriched_details_view()?,
        warehouse: warehouse.clone(),
    };
    service
        .details()
        .register_enrichment_processor(DetailsEnrichment)?;
    service
        .details()
        .register_warehouse_sink(warehouse.clone(), Batching::default())?;
    service
        .heartbeats()
        .register_enrichment_processor(HeartbeatEnrichment)?;
    service
        .heartbeats()
        .register_warehouse_sink(warehouse, Batching::default())?;
    service
        .add_grpc_service(DevicesApiServer::new(api.clone()))
        .add_file_descriptor_set(api::FILE_DESCRIPTOR_SET);

    if options.demo {
        let stopper = service.stopper();
        tokio::spawn(async move {
            if let Err(error) = demo::run(api).await {
                tracing::error!(%error, "the demo ended");
                stopper.stop();
            }
        });
    }
    service.run().await
}

/// The warehouse at `url`, else in a file beside the local state.
async fn connect(url: Option<String>, config: &kafmesh::Config) -> kafmesh::Result<Warehouse> {
    let url = match url.filter(|url| !url.is_empty()) {
        Some(url) => url,
        None => {
            std::fs::create_dir_all(&config.state_dir).map_err(kafmesh::Error::handler)?;
            Warehouse::sqlite_url(&config.state_dir.join("warehouse.sqlite"))
        }
    };
    Warehouse::connect(&url).await.map_err(|error| {
        kafmesh::Error::handler(format!(
            "cannot open the warehouse: {error}; is DATABASE_URL right?"
        ))
    })
}
