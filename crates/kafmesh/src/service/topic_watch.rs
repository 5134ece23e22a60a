//! Notices topics that are deleted, or created anew, under the local tables that copy them.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::halt::Halt;
use crate::kafka::Cluster;

/// How often all topics are looked at, with one request.
const EVERY: Duration = Duration::from_secs(10);

/// How soon a second look follows at what looks replaced: the first broker may have been behind.
const AGAIN: Duration = Duration::from_secs(1);

/// As it is called in messages to people.
pub(crate) const TITLE: &str = "the watch over topics";

/// Runs until the service stops, or a topic is not the one any more that was copied.
///
/// # Errors
///
/// [`Error::Kafka`] that names the topic.
pub(crate) async fn watch(cluster: Cluster, halt: Halt) -> Result<()> {
    let mut suspect = None;
    loop {
        let pause = if suspect.is_some() { AGAIN } else { EVERY };
        tokio::select! {
            biased;
            () = halt.asked() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
        let replaced = tokio::select! {
            biased;
            () = halt.asked() => return Ok(()),
            replaced = cluster.replaced() => replaced,
        };
        match replaced {
            Ok(Some(topic)) if suspect.as_ref() == Some(&topic) => {
                return Err(Error::Kafka {
                    action: format!("following topic {topic}"),
                    reason: "it was deleted, or created anew, while its local copy was in use; start the service again to rebuild the copy".to_owned(),
                    retriable: false,
                });
            }
            Ok(replaced) => suspect = replaced,
            // The tables' own readers say when the brokers are away for too long.
            Err(error) => tracing::debug!(%error, "topics could not be looked at, trying again"),
        }
    }
}
