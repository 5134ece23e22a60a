//! Writes the newest mesh to a store, whenever there is one, and again when that fails.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Store;
use crate::mesh::Mesh;
use crate::mesh::pod::PodKey;
use crate::status::{Part, Statuses};

/// How long it is waited after a first failure; twice as long after each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Keeps `store` up to date with `mesh` until there are no more meshes; the last is written before the
/// end. What comes while one is written is left out if there is something newer. A failure is told as
/// the status of [`Part::Neo4j`] and tried again, with whatever is newest then; nobody waits for it.
///
/// After `stop` meshes still are waited for, and what fails then is tried once more, with the last.
pub async fn follow(
    store: impl Store,
    mut mesh: watch::Receiver<Arc<Mesh>>,
    statuses: Statuses,
    stop: CancellationToken,
) {
    // Every pod that this process has known since the store was last brought up to date.
    let mut known: BTreeSet<PodKey> = BTreeSet::new();
    let mut pause = FIRST_PAUSE;
    let mut last_try = false;
    loop {
        let newest = mesh.borrow_and_update().clone();
        known.extend(newest.pods.keys().cloned());
        match store.write(&newest, &known).await {
            Ok(written) => {
                tracing::debug!(revision = newest.revision, ?written, "wrote the graph");
                statuses.working(Part::Neo4j);
                known = newest.pods.keys().cloned().collect();
                pause = FIRST_PAUSE;
                if mesh.changed().await.is_err() {
                    return;
                }
            }
            Err(error) => {
                statuses.failing(Part::Neo4j, error.to_string());
                if last_try {
                    return;
                }
                if error.is_denied() {
                    // A wrong password that is tried too often locks the user, for others, too.
                    pause = LONGEST_PAUSE;
                }
                tokio::select! {
                    () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                    () = stop.cancelled() => {
                        while mesh.changed().await.is_ok() {}
                        last_try = true;
                    }
                }
            }
        }
    }
}
