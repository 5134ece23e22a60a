//! What Kafka itself says: topics, consumer groups and their lag, read at an interval.

mod look;
mod requests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::admin::AdminClient;
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::mesh::actual::Actual;
use crate::status::{Part, Statuses};

/// Reads the cluster at every interval and publishes what changed, until `stop`.
///
/// While Kafka cannot be read, what was read last stays published, with its time.
pub async fn run(
    config: &config::Kafka,
    actual: watch::Sender<Option<Arc<Actual>>>,
    statuses: Statuses,
    stop: CancellationToken,
) {
    let client = match client(config) {
        Ok(client) => Arc::new(client),
        Err(error) => {
            statuses.failing(Part::Kafka, error);
            return stop.cancelled().await;
        }
    };
    let mut turns = interval_at(Instant::now(), config.interval);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            () = stop.cancelled() => return,
        }
        let looked = tokio::select! {
            looked = look(Arc::clone(&client)) => looked,
            () = stop.cancelled() => return,
        };
        match looked {
            Ok(found) => {
                statuses.working(Part::Kafka);
                actual.send_if_modified(|last| {
                    let same = last.as_deref().is_some_and(|last| last.is_like(&found));
                    if !same {
                        *last = Some(Arc::new(found));
                    }
                    !same
                });
            }
            Err(why) => statuses.failing(
                Part::Kafka,
                format!("{}: {why}; what was read last is shown", config.brokers),
            ),
        }
    }
}

/// Looks at the cluster in a thread of its own, since librdkafka blocks, and a thread of tokio's
/// would hold up the end of the process.
async fn look(client: Arc<AdminClient<DefaultClientContext>>) -> Result<Actual, String> {
    let abandoned = AbandonOnDrop::default();
    let (sender, looked) = oneshot::channel();
    let seen = Arc::clone(&abandoned.0);
    std::thread::Builder::new()
        .name("look-at-kafka".to_owned())
        .spawn(move || {
            // Nobody may wait any more.
            let _ = sender.send(look::look(&client, &seen));
        })
        .map_err(|error| format!("no thread to read it in: {error}"))?;
    looked
        .await
        .unwrap_or_else(|_| Err("reading it failed by a panic".to_owned()))
}

/// Tells a look under way that nobody waits for it any more.
#[derive(Default)]
struct AbandonOnDrop(Arc<AtomicBool>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// # Errors
///
/// When a property does not exist or has no usable value.
fn client(config: &config::Kafka) -> Result<AdminClient<DefaultClientContext>, String> {
    let mut properties = ClientConfig::new();
    properties
        .set("client.id", "kafmesh-discover")
        // Brokers that were down are tried again about as often as the cluster is read.
        .set("reconnect.backoff.max.ms", "10000")
        .set("log_level", "3");
    for (name, value) in &config.properties {
        properties.set(name, value.expose());
    }
    properties.set("bootstrap.servers", &config.brokers);
    properties
        .create()
        .map_err(|error| format!("the Kafka client cannot be configured: {error}"))
}

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(15);
