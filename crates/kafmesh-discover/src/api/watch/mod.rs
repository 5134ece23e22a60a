//! What a processor does, in all pods it runs in at once.

mod event;
mod pod;
mod token;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub(super) use event::{Event, Failure, FailureKind, Lost, Operation, PodEvent};
pub use token::WatchToken;

use crate::dial::Dialer;
use crate::mesh::Mesh;
use crate::mesh::pod::{Observed, Pod, PodKey};

/// How many events wait for a browser at most, and how many bytes of operations.
const WAITING: usize = 1024;
const WAITING_BYTES: usize = 4 << 20;

/// How many pods one watch asks at most.
const PODS: usize = 100;

/// Which processor, and which of its records.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) service: String,
    pub(super) component: String,
    pub(super) processor: String,
    /// Empty for every key.
    pub(super) key: String,
}

impl Target {
    /// Whether the processor was registered in the pod when it answered last.
    pub(super) fn runs_in(&self, pod: &Observed) -> bool {
        let Some(answer) = &pod.answer else {
            return false;
        };
        let description = &answer.description;
        description.service == self.service
            && description.components.iter().any(|component| {
                component.name == self.component
                    && component
                        .processors
                        .iter()
                        .any(|processor| processor.name == self.processor)
            })
    }
}

/// Asks pods.
#[derive(Clone)]
pub(super) struct Watcher {
    pub(super) dialer: Dialer,
    /// What pods may ask for.
    pub(super) token: Option<WatchToken>,
}

/// The events of a watch; dropping it ends the streams of the pods.
pub(super) struct Watch {
    events: mpsc::Receiver<Queued>,
    lost: Arc<AtomicU64>,
    next: Option<Event>,
}

/// An event, and the room it takes while it waits.
struct Queued(
    Event,
    #[expect(dead_code, reason = "given back by the drop")] Option<OwnedSemaphorePermit>,
);

impl Watch {
    /// Watches the processor in the pods that run it, those of the time and those to come, until it is
    /// dropped or `stop`.
    pub(super) fn start(
        target: Target,
        mesh: watch::Receiver<Arc<Mesh>>,
        watcher: Watcher,
        stop: CancellationToken,
    ) -> Self {
        let (sender, events) = mpsc::channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let outlet = Outlet {
            events: sender,
            room: Arc::new(Semaphore::new(WAITING_BYTES)),
            lost: lost.clone(),
        };
        let relay = Relay {
            target: Arc::new(target),
            watcher,
            outlet: outlet.clone(),
            pods: HashMap::new(),
            tasks: JoinSet::new(),
            left_out: 0,
        };
        tokio::spawn(async move {
            tokio::select! {
                () = relay.run(mesh) => {}
                () = outlet.events.closed() => {}
                () = stop.cancelled() => {}
            }
        });
        Self {
            events,
            lost,
            next: None,
        }
    }

    /// The next event; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Event> {
        if let Some(event) = self.next.take() {
            return Some(event);
        }
        loop {
            // What is lost while the last event is fetched is told without waiting for another.
            let event = match timeout(Duration::from_secs(1), self.events.recv()).await {
                Ok(None) => return None,
                Ok(Some(Queued(event, _))) => Some(event),
                Err(_) => None,
            };
            let lost = self.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                self.next = event;
                return Some(Event::Lost(Lost { pod: None, lost }));
            }
            if event.is_some() {
                return event;
            }
        }
    }
}

/// Where events go.
#[derive(Clone)]
struct Outlet {
    events: mpsc::Sender<Queued>,
    room: Arc<Semaphore>,
    lost: Arc<AtomicU64>,
}

impl Outlet {
    /// Tells of an operation, unless the browser is too far behind.
    fn offer(&self, event: Event, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let offered = match self.room.clone().try_acquire_many_owned(bytes) {
            Ok(room) => self.events.try_send(Queued(event, Some(room))).is_ok(),
            Err(_) => false,
        };
        if !offered {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells of something that must not be lost, and waits for room.
    async fn tell(&self, event: Event) {
        // Nobody listens any more: the watch is about to end.
        let _ = self.events.send(Queued(event, None)).await;
    }
}

/// What a process is told apart by: a pod that restarts may keep its name and address.
#[derive(PartialEq, Eq)]
struct Process {
    uid: Option<String>,
    address: String,
    started_at: Option<Timestamp>,
}

struct Relay {
    target: Arc<Target>,
    watcher: Watcher,
    outlet: Outlet,
    pods: HashMap<PodKey, (Process, AbortHandle)>,
    tasks: JoinSet<()>,
    /// How many pods run the processor and are not watched, since there are too many.
    left_out: usize,
}

impl Relay {
    async fn run(mut self, mut mesh: watch::Receiver<Arc<Mesh>>) {
        loop {
            let now = mesh.borrow_and_update().clone();
            self.adapt(&now).await;
            tokio::select! {
                changed = mesh.changed() => if changed.is_err() { return },
                // Takes what has ended out of the set.
                Some(_) = self.tasks.join_next() => {}
            }
        }
    }

    /// Begins with pods that have come and ends with those that are gone.
    async fn adapt(&mut self, mesh: &Mesh) {
        let gone: Vec<_> = self
            .pods
            .keys()
            .filter(|key| {
                mesh.pods
                    .get(key)
                    .is_none_or(|pod| !self.target.runs_in(pod))
            })
            .cloned()
            .collect();
        for key in gone {
            if let Some((_, task)) = self.pods.remove(&key) {
                task.abort();
                self.outlet.tell(Event::Left(PodEvent { pod: key })).await;
            }
        }
        let mut running = 0;
        for (key, observed) in &mesh.pods {
            if self.target.runs_in(observed) {
                running += 1;
                self.join(key, observed);
            }
        }
        let left_out = running - self.pods.len();
        if std::mem::replace(&mut self.left_out, left_out) != left_out && left_out > 0 {
            let message = format!(
                "{running} pods run the processor, of which {PODS} are watched, as many as one watch may; \
                 {left_out} are left out"
            );
            let failure = Failure {
                pod: None,
                kind: FailureKind::Limit,
                message,
            };
            self.outlet.tell(Event::Failed(failure)).await;
        }
    }

    /// Watches a pod, unless it is watched already or there is no room for it.
    fn join(&mut self, key: &PodKey, observed: &Observed) {
        let process = Process {
            uid: observed.pod.uid.clone(),
            address: observed.pod.address.clone(),
            started_at: observed
                .answer
                .as_ref()
                .and_then(|answer| answer.instance.started_at),
        };
        match self.pods.get(key) {
            Some((known, _)) if *known == process => return,
            Some((_, task)) => task.abort(),
            None if self.pods.len() >= PODS => return,
            None => {}
        }
        let pod: Pod = observed.pod.clone();
        let task = pod::watch(
            pod,
            self.target.clone(),
            self.watcher.clone(),
            self.outlet.clone(),
        );
        let task = self.tasks.spawn(task);
        self.pods.insert(key.clone(), (process, task));
    }
}
