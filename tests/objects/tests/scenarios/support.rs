//! What every scenario uses: a running shop, and patience.

use std::time::{Duration, Instant};

use kafmesh::Stopper;
use kafmesh_objects::definitions::Service;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::kafka::Kafka;

/// Longer than anything here takes; a hang fails instead of blocking the run.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A Kafka, and a directory for the shop's local state.
pub(crate) struct Shop {
    pub(crate) kafka: Kafka,
    state: TempDir,
}

impl Shop {
    pub(crate) fn on(kafka: Kafka) -> Self {
        let state = tempfile::tempdir().unwrap();
        Self { kafka, state }
    }

    /// What the shop runs with.
    pub(crate) fn config(&self) -> kafmesh::Config {
        self.kafka.config().with_state_dir(self.state.path())
    }

    /// A shop that has registered nothing yet.
    pub(crate) async fn connect(&self) -> Service {
        Service::connect(self.config()).await.unwrap()
    }
}

/// A service that runs.
pub(crate) struct Running {
    stopper: Stopper,
    task: JoinHandle<kafmesh::Result<()>>,
}

impl Running {
    pub(crate) fn start(service: Service) -> Self {
        Self {
            stopper: service.stopper(),
            task: tokio::spawn(service.run()),
        }
    }

    /// Stops it, which must succeed.
    pub(crate) async fn stop(self) {
        self.stopper.stop();
        self.ended().await.unwrap();
    }

    /// Waits until it ends by itself.
    pub(crate) async fn ended(self) -> kafmesh::Result<()> {
        tokio::time::timeout(PATIENCE, self.task)
            .await
            .expect("the service does not end")
            .unwrap()
    }
}

/// Waits until `holds`.
pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
