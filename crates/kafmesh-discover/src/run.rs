//! Everything of kafmesh-discover, put together.

use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// Runs with `config` until `stop` is cancelled.
///
/// # Errors
///
/// What it cannot run with; what may pass by itself is tried again instead.
pub async fn run(_config: Config, stop: CancellationToken) -> std::io::Result<()> {
    stop.cancelled().await;
    Ok(())
}
