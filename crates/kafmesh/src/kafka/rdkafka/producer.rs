//! The producer: takes outboxes as a whole, acknowledges them as a watermark.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ::rdkafka::client::Client;
use ::rdkafka::types::RDKafkaErrorCode;
use tokio::sync::Notify;

use super::client::{IDLE, REQUEST_TIMEOUT};
use super::config::{self, Properties};
use super::context::Context;
use super::ffi::{self, MainQueue, Topic};
use super::lane::{Lane, Lanes};
use crate::error::{Error, Result};
use crate::kafka::{OutTopic, Outbox};

/// How long the serving thread is given to tell the lanes what was purged, before it is looked again.
const PURGING: Duration = Duration::from_millis(5);

/// A dropped producer delivers what it holds for at most this long.
const LINGERING: Duration = Duration::from_secs(30);

/// Sends records: acks from all in-sync replicas, idempotent, partitions chosen by the caller.
///
/// Clones share one client. Dropping the last one delivers what is queued in the background, for as
/// long as the process lives, at most 30 s; [`close`](Self::close) waits for it.
#[derive(Clone)]
pub(crate) struct Producer(Arc<Open>);

/// Tells the serving thread when the last [`Producer`] is gone.
struct Open(Arc<Shared>);

struct Shared {
    /// Before the client, which they must not outlive.
    topics: RwLock<Vec<(String, Topic)>>,
    client: Client<Context>,
    lanes: Arc<Lanes>,
    /// The client's queue was full and is not yet half empty.
    full: AtomicBool,
    /// There is room again when the queue is no longer than this: half of what it was when it was
    /// full, be it of records or of bytes.
    half: AtomicUsize,
    room: Notify,
    dropped: AtomicBool,
}

impl Producer {
    pub(super) fn new(properties: &Properties, name: &str) -> Result<Self> {
        let config = properties.producer();
        let client = ffi::producer(&config, Context::new(format!("producer {name}")))
            .map_err(|error| config::invalid(&error))?;
        let shared = Arc::new(Shared {
            topics: RwLock::default(),
            client,
            lanes: Arc::default(),
            full: AtomicBool::new(false),
            half: AtomicUsize::new(0),
            room: Notify::new(),
            dropped: AtomicBool::new(false),
        });
        let served = Arc::clone(&shared);
        super::client::spawn("kafmesh-produce", move || serve(&served))?;
        Ok(Self(Arc::new(Open(shared))))
    }

    fn shared(&self) -> &Shared {
        &self.0.0
    }

    /// Resolves a topic to an index, once.
    pub(crate) fn topic(&self, name: &str, partitions: i32) -> Result<OutTopic> {
        let mut topics = self
            .shared()
            .topics
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let index = match topics.iter().position(|(known, _)| known == name) {
            Some(index) => index,
            None => {
                let topic =
                    Topic::new(&self.shared().client, name).ok_or_else(|| Error::Kafka {
                        action: format!("writing to topic {name:?}"),
                        reason: "the name is not a topic's name".to_owned(),
                        retriable: false,
                    })?;
                topics.push((name.to_owned(), topic));
                topics.len() - 1
            }
        };
        Ok(OutTopic {
            index: index as u32,
            partitions,
        })
    }

    /// Opens a lane: what is sent through it is counted apart from everything else.
    pub(crate) fn lane(&self) -> Lane {
        self.shared().lanes.open()
    }

    /// Hands over the records from `*sent` on, in order, until all are (true, and the outbox is empty
    /// again) or the client has no room (false: wait for [`room`](Self::room), then call again).
    ///
    /// # Errors
    /// [`Error::NotDelivered`] when a record of this lane was not or cannot be delivered; the lane
    /// stays failed.
    pub(crate) fn send(&self, lane: &Lane, outbox: &mut Outbox, sent: &mut usize) -> Result<bool> {
        let shared = self.shared();
        lane.failure()?;
        let first = *sent;
        let mut refused = None;
        {
            let topics = shared.topics.read().unwrap_or_else(PoisonError::into_inner);
            while *sent < outbox.len() && refused.is_none() {
                let record = outbox.get(*sent);
                let (name, topic) = &topics[record.topic as usize];
                match ffi::produce(&shared.client, topic, &record, lane.index()) {
                    Ok(()) => *sent += 1,
                    Err(code) => refused = Some((code, name.clone())),
                }
            }
        }
        lane.sent((*sent - first) as u64);
        match refused {
            None => {
                outbox.clear();
                *sent = 0;
                Ok(true)
            }
            Some((RDKafkaErrorCode::QueueFull, _)) => {
                // Who comes second finds the queue shorter and would wait for less.
                if self.has_room() {
                    let half = ffi::unacknowledged(&shared.client) / 2;
                    shared.half.store(half, Ordering::Relaxed);
                    shared.full.store(true, Ordering::Release);
                }
                Ok(false)
            }
            Some((code, topic)) => {
                lane.refused(&topic, super::reason(code));
                lane.failure().map(|()| false)
            }
        }
    }

    /// Hands over every record, in order, waiting for room as long as it takes.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(crate) async fn send_all(&self, lane: &Lane, outbox: &mut Outbox) -> Result<()> {
        let mut sent = 0;
        while !self.send(lane, outbox, &mut sent)? {
            self.room().await;
        }
        Ok(())
    }

    /// Whether the client takes records. Once it was full, only when half of what it held is gone.
    pub(crate) fn has_room(&self) -> bool {
        !self.shared().full.load(Ordering::Acquire)
    }

    /// Resolves when there is room.
    pub(crate) async fn room(&self) {
        loop {
            let room = self.shared().room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if self.has_room() {
                return;
            }
            room.await;
        }
    }

    /// Gives up every record that is not acknowledged: none of them is sent (again) once this returns,
    /// and their lanes have failed. What is sent afterwards is delivered as ever.
    ///
    /// For partitions that have moved: delivered late, their records would overwrite newer ones. What
    /// was on its way to a broker may still be written there. Nobody may send meanwhile, or loses it.
    ///
    /// The idempotent client gets over the gap by itself: it takes a new epoch, and numbers what comes
    /// next anew. (Only with `enable.gapless.guarantee`, which is reserved, would it fail for good.)
    ///
    /// # Errors
    /// [`Error::Kafka`] when the client still holds records after 15 s.
    pub(crate) async fn purge(&self) -> Result<()> {
        let shared = Arc::clone(&self.0.0);
        super::client::blocking(move || {
            let since = Instant::now();
            loop {
                // Again at each turn: a request that failed just now, while its partition moved to
                // another broker, puts its records back behind the purge's back.
                ffi::purge(&shared.client);
                let left = ffi::unacknowledged(&shared.client);
                if left == 0 {
                    return Ok(());
                }
                if since.elapsed() >= REQUEST_TIMEOUT {
                    return Err(Error::Kafka {
                        action: format!("purging the {}", shared.client.context().client()),
                        reason: format!("{left} records are still held after {REQUEST_TIMEOUT:?}"),
                        retriable: false,
                    });
                }
                std::thread::sleep(PURGING);
            }
        })
        .await
    }

    /// Sends everything now and waits until it is acknowledged.
    ///
    /// # Errors
    /// [`Error::Kafka`] when records are still unacknowledged after `timeout`.
    pub(crate) async fn close(&self, timeout: Duration) -> Result<()> {
        let shared = Arc::clone(&self.0.0);
        super::client::blocking(move || {
            ffi::flush(&shared.client, timeout).map_err(|code| Error::Kafka {
                action: format!("flushing the {}", shared.client.context().client()),
                reason: format!(
                    "{} records are not acknowledged after {timeout:?}: {}",
                    ffi::unacknowledged(&shared.client),
                    super::reason(code)
                ),
                retriable: super::is_retriable(code),
            })
        })
        .await
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dropped.store(true, Ordering::Release);
    }
}

/// Serves delivery reports, errors and logs until the last [`Producer`] is gone and everything is out.
fn serve(shared: &Shared) {
    let Some(queue) = MainQueue::of(&shared.client) else {
        return;
    };
    let mut dropped_at = None;
    loop {
        queue.serve(IDLE, &mut |delivered| shared.lanes.settle(delivered));
        // Asked at every turn, not only after reports: the flag may be set just after the last one.
        if shared.full.load(Ordering::Acquire)
            && ffi::unacknowledged(&shared.client) <= shared.half.load(Ordering::Relaxed)
        {
            shared.full.store(false, Ordering::Release);
            shared.room.notify_waiters();
        }
        if shared.dropped.load(Ordering::Acquire) {
            let since = *dropped_at.get_or_insert_with(Instant::now);
            let left = ffi::unacknowledged(&shared.client);
            if left == 0 {
                return;
            }
            if since.elapsed() >= LINGERING {
                let client = shared.client.context().client();
                tracing::error!(target: "kafmesh::kafka", %client, "{left} records were given up: not acknowledged {LINGERING:?} after the producer was dropped");
                return;
            }
        }
    }
}
