//! What Kafka itself says: topics, consumer groups and their lag, read at an interval.

mod answer;
mod client;
mod declared;
mod failures;
mod look;
mod requests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::config;
use crate::mesh::Mesh;
use crate::mesh::actual::Told;
use crate::status::{Part, Statuses};
pub use client::{Client, InvalidProperties};
use declared::Declared;
use look::Looked;

/// Reads the cluster of `config` by `client` at every interval and publishes what there is, until `stop`. It is read
/// soon when services of `mesh` declare topics or groups that it was not asked about yet.
///
/// While Kafka cannot be read, what was read last stays published, with its time and since when that is
/// all that is known; before it was read, only the latter is.
pub async fn run(
    client: Client,
    config: &config::Kafka,
    mut mesh: watch::Receiver<Arc<Mesh>>,
    told: watch::Sender<Told>,
    statuses: Statuses,
    stop: CancellationToken,
) {
    let client = Arc::new(client);
    let brokers = &config.brokers;
    let mut turns = interval_at(Instant::now(), config.interval);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked = Arc::new(Declared::default());
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            () = more_than(&asked, &mut mesh) => turns.reset(),
            () = stop.cancelled() => return,
        }
        asked = Arc::new(Declared::by(&mesh.borrow_and_update().catalog));
        let looked = tokio::select! {
            looked = look(Arc::clone(&client), Arc::clone(&asked)) => looked,
            () = stop.cancelled() => return,
        };
        match looked {
            Ok(Looked { found, incomplete }) => {
                client.forget();
                match incomplete {
                    None => statuses.working(Part::Kafka),
                    Some(why) => statuses.failing(
                        Part::Kafka,
                        format!("{brokers}: {why}; what could be read is shown"),
                    ),
                }
                told.send_replace(Told::Read(Arc::new(found)));
            }
            Err(why) => {
                let said = client.said().map(|said| format!(" ({said})"));
                let said = said.unwrap_or_default();
                let why = format!("{brokers}: {why}{said}; what was read last is shown");
                statuses.failing(Part::Kafka, why);
                told.send_if_modified(mark_stale);
            }
        }
    }
}

/// Waits until services of `mesh` declare more than was asked about, and a little longer: more may follow.
async fn more_than(asked: &Declared, mesh: &mut watch::Receiver<Arc<Mesh>>) {
    let declares_more = mesh.wait_for(|mesh| !asked.covers(&mesh.catalog));
    if declares_more.await.is_err() {
        // Nobody declares anything any more.
        std::future::pending().await
    }
    tokio::time::sleep(MORE).await;
}

/// Notes that what was read last, here or by others, may no longer be so; whether that is new.
fn mark_stale(last: &mut Told) -> bool {
    let failing_since = match last {
        Told::Read(actual) if !actual.is_stale() => &mut Arc::make_mut(actual).failing_since,
        Told::Nothing(unread) if unread.failing_since.is_none() => &mut unread.failing_since,
        _ => return false,
    };
    *failing_since = Some(Timestamp::now());
    true
}

/// Looks at the cluster in a thread of its own, since librdkafka blocks, and a thread of tokio's
/// would hold up the end of the process.
async fn look(client: Arc<Client>, declared: Arc<Declared>) -> Result<Looked, String> {
    let abandoned = AbandonOnDrop::default();
    let (sender, looked) = oneshot::channel();
    let seen = Arc::clone(&abandoned.0);
    std::thread::Builder::new()
        .name("look-at-kafka".to_owned())
        .spawn(move || {
            // Nobody may wait any more.
            let _ = sender.send(look::look(&client, &declared, &seen));
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

/// How soon it is read when more is declared, and so how often at most while processes are asked for the first time.
const MORE: Duration = Duration::from_secs(1);

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::actual::Actual;

    #[test]
    fn an_outage_is_marked_once_on_what_was_read_last() {
        let mut last = Told::default();
        assert!(mark_stale(&mut last));
        let marked = last.clone();
        assert_ne!(marked, Told::default());
        assert!(!mark_stale(&mut last));
        assert_eq!(last, marked);

        let read = Actual {
            at: Timestamp::UNIX_EPOCH,
            failing_since: None,
            topics: [].into(),
            missing_topics: [].into(),
            groups: [].into(),
            missing_groups: [].into(),
        };
        last = Told::Read(Arc::new(read));
        assert!(mark_stale(&mut last));
        let marked = last.read().unwrap().clone();
        assert!(marked.is_stale());
        assert_eq!(marked.at, Timestamp::UNIX_EPOCH);
        assert!(!mark_stale(&mut last));
        assert_eq!(last, Told::Read(marked));
    }
}
