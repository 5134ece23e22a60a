//! The service's process: connects, registers what it runs, and runs it until it is told to stop.

mod counter;
mod definitions;

use std::time::Duration;

use counter::Counter;
use definitions::clicks::{UserIdClickSource, UserIdTotalClicksView};
use definitions::models::Click;

#[tokio::main]
async fn main() -> kafmesh::Result<()> {
    let mut service = definitions::Service::connect(kafmesh::Config::from_env()?).await?;
    service.clicks().register_total_clicks_processor(Counter)?;
    let clicks = service.clicks().user_id_click_source();
    let totals = service.clicks().user_id_total_clicks_view()?;
    if std::env::args().any(|argument| argument == "--traffic") {
        let stopper = service.stopper();
        tokio::spawn(async move {
            if let Err(error) = traffic(clicks, totals).await {
                eprintln!("the traffic ended: {error}");
                stopper.stop();
            }
        });
    }
    service.run().await
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
