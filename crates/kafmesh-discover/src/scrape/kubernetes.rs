//! Follows the pods of a Kubernetes cluster: lists them, then watches what changes.
//!
//! ```text
//!              list works                     cut, ended
//! ┌─────────┐ ───────────▶ ┌──────────┐ ──────────────────┐
//! │ Listing │              │ Watching │                   │ from the version that was seen last
//! └─────────┘ ◀─────────── └──────────┘ ◀─────────────────┘
//!    │   ▲      expired (410), refused
//!    └───┘ fails
//! ```
//!
//! What fails is tried again after a while, and meanwhile what is known stays. What vanished
//! unseen is missing in the next list, and goes then. Who may list and not watch lists again and
//! again.
//!
//! kube's own `watcher` yields nothing when a watch that failed is there again, which an operator
//! wants to see, and lists no more while the watch is refused. What it does besides is done here,
//! too: nothing is waited for without an end, since a connection may break without a word.

use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use kube::api::{Api, ApiResource, ListParams, WatchEvent, WatchParams};
use kube::core::Status;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::DefaultBackoff;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::Kubernetes;
use super::found::{self, Found, Listed};
use crate::mesh::pod::PodKey;

mod explain;
#[cfg(test)]
mod tests;

/// How many pods are listed at a time, as client-go does.
const PAGE: u32 = 500;

/// A watch that ends sooner is no reason to begin the next one at once.
const SHORT: Duration = Duration::from_secs(5);

/// What was learned of the pods of one namespace, or of all.
#[derive(Debug)]
pub(super) struct News {
    /// Of which namespace; `None` for all.
    pub(super) namespace: Option<String>,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// These are the pods, and there are no others.
    Listed {
        pods: Vec<Found>,
        /// When they were asked for.
        at: Timestamp,
    },
    /// This pod appeared or changed.
    Applied(Found),
    /// This pod is gone, or is none of the mesh any more.
    Gone(PodKey),
    /// Changes are told as they happen.
    Watching,
    /// The API server does not tell.
    Failing(String),
}

/// Nobody listens to the news any more.
struct Unheard;

/// Why the API server does not tell.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Kube(#[from] kube::Error),
    #[error("no answer within {0:?}")]
    NoAnswer(Duration),
}

/// Follows the pods of `namespace`, or of all, for as long as somebody listens.
pub(super) async fn follow(
    kubernetes: Kubernetes,
    namespace: Option<String>,
    news: mpsc::Sender<News>,
) {
    let pods = ApiResource::erase::<k8s_openapi::api::core::v1::Pod>(&());
    let client = kubernetes.client;
    let follower = Follower {
        api: match &namespace {
            Some(namespace) => Api::namespaced_with(client, namespace, &pods),
            None => Api::all_with(client, &pods),
        },
        namespace,
        timeout: kubernetes.timeout,
        silence: kubernetes.silence,
        news,
    };
    let Err(Unheard) = follower.run().await;
}

struct Follower {
    api: Api<Listed>,
    namespace: Option<String>,
    timeout: Duration,
    silence: Duration,
    news: mpsc::Sender<News>,
}

/// Why a watch ended.
enum End {
    /// The server ends each after some minutes; one that is silent for longer is as good as ended.
    InOrder,
    /// The server does not remember what happened since the version.
    Expired,
    Failed(Error),
}

impl End {
    /// Whether the next watch would do no better, and only a list tells what there is.
    fn needs_list(&self) -> bool {
        match self {
            Self::InOrder => false,
            Self::Expired => true,
            Self::Failed(error) => matches!(error, Error::Kube(kube::Error::Api(_))),
        }
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::Kube(kube::Error::Api(status)) if is_expired(&status) => Self::Expired,
            error => Self::Failed(error),
        }
    }
}

impl Follower {
    async fn run(&self) -> Result<std::convert::Infallible, Unheard> {
        let mut backoff = DefaultBackoff::default();
        loop {
            let at = Timestamp::now();
            let mut version = match self.list().await {
                Ok((pods, version)) => {
                    self.tell(What::Listed { pods, at }).await?;
                    version
                }
                Err(error) => {
                    self.fail("list", &error, &mut backoff).await?;
                    continue;
                }
            };
            loop {
                let began = Instant::now();
                let end = self.watch(&mut version).await?;
                let lasted = began.elapsed() > SHORT;
                if lasted {
                    backoff.reset();
                }
                let needs_list = end.needs_list();
                match end {
                    End::Failed(error) => self.fail("watch", &error, &mut backoff).await?,
                    // Something between us and the server may end every watch at once.
                    _ if !lasted => pause(&mut backoff).await,
                    _ => {}
                }
                if needs_list {
                    break;
                }
            }
        }
    }

    /// The pods of the mesh, and the version of the cluster they are of.
    async fn list(&self) -> Result<(Vec<Found>, String), Error> {
        let mut params = ListParams::default().limit(PAGE);
        let mut pods = Vec::new();
        loop {
            let page = self.answer(self.api.list(&params)).await?;
            pods.extend(page.items.into_iter().filter_map(Found::pod));
            params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
            if params.continue_token.is_none() {
                return Ok((pods, page.metadata.resource_version.unwrap_or_default()));
            }
        }
    }

    /// Tells what changes from `version` on, and moves it.
    async fn watch(&self, version: &mut String) -> Result<End, Unheard> {
        let params = WatchParams::default();
        let mut events = match self.answer(self.api.watch(&params, version)).await {
            Ok(events) => events.boxed(),
            Err(error) => return Ok(error.into()),
        };
        self.tell(What::Watching).await?;
        loop {
            let Ok(event) = timeout(self.silence, events.next()).await else {
                return Ok(End::InOrder);
            };
            let what = match event {
                None => return Ok(End::InOrder),
                Some(Err(error)) => return Ok(Error::from(error).into()),
                Some(Ok(WatchEvent::Error(status))) => {
                    return Ok(Error::from(kube::Error::Api(status)).into());
                }
                Some(Ok(WatchEvent::Bookmark(bookmark))) => {
                    *version = bookmark.metadata.resource_version;
                    continue;
                }
                Some(Ok(WatchEvent::Added(pod) | WatchEvent::Modified(pod))) => {
                    seen(&pod, version);
                    let key = found::key(&pod);
                    Found::pod(pod).map_or(What::Gone(key), What::Applied)
                }
                Some(Ok(WatchEvent::Deleted(pod))) => {
                    seen(&pod, version);
                    What::Gone(found::key(&pod))
                }
            };
            self.tell(what).await?;
        }
    }

    /// What the API server answers, unless that takes too long.
    async fn answer<T>(&self, asked: impl Future<Output = kube::Result<T>>) -> Result<T, Error> {
        match timeout(self.timeout, asked).await {
            Ok(answered) => Ok(answered?),
            Err(_) => Err(Error::NoAnswer(self.timeout)),
        }
    }

    /// Tells that `verb` failed, and waits until it is time to try again.
    async fn fail(
        &self,
        verb: &str,
        error: &Error,
        backoff: &mut DefaultBackoff,
    ) -> Result<(), Unheard> {
        let why = explain::explain(verb, self.namespace.as_deref(), error);
        self.tell(What::Failing(why)).await?;
        pause(backoff).await;
        Ok(())
    }

    async fn tell(&self, what: What) -> Result<(), Unheard> {
        let namespace = self.namespace.clone();
        let news = News { namespace, what };
        self.news.send(news).await.map_err(|_| Unheard)
    }
}

async fn pause(backoff: &mut DefaultBackoff) {
    // That of kube does not end.
    let wait = backoff.next().unwrap_or(Duration::from_secs(30));
    tokio::time::sleep(wait).await;
}

fn seen(pod: &Listed, version: &mut String) {
    if let Some(seen) = &pod.metadata.resource_version {
        version.clone_from(seen);
    }
}

fn is_expired(status: &Status) -> bool {
    // "Expired" is the reason where the status comes in a stream, 410 its code everywhere.
    status.code == 410 || status.reason == "Expired"
}
