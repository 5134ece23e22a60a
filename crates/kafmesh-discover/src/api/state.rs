//! What the handlers of requests share, and how they answer.

use std::io::Write;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::Parts;
use super::changes::Changes;
use super::problem::{Kind, Problem};
use super::watch::Watcher;
use crate::mesh::Mesh;
use crate::status::Statuses;

/// How many streams of changes and of watches may be open.
const CHANGE_STREAMS: usize = 256;
const WATCH_STREAMS: usize = 32;

/// How many answers that go through the whole graph are made at once; others wait.
const WORKERS: usize = 4;

/// What the handlers of requests share.
#[derive(Clone)]
pub(super) struct Api(Arc<Inner>);

struct Inner {
    mesh: watch::Receiver<Arc<Mesh>>,
    /// Tells revisions of this process from those of others, which count anew.
    epoch: String,
    whole: Mutex<Option<Arc<Rendered>>>,
    changes: Arc<Changes>,
    change_streams: Arc<Semaphore>,
    watch_streams: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    watcher: Watcher,
    statuses: Statuses,
    metrics: Arc<dyn Fn() -> String + Send + Sync>,
    openapi: Bytes,
    stop: CancellationToken,
}

/// A body that is made once per revision.
pub(super) struct Rendered {
    revision: u64,
    json: Bytes,
    gzip: Bytes,
}

impl Api {
    pub(super) fn new(parts: Parts, openapi: &utoipa::openapi::OpenApi) -> Self {
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(Arc::new(Inner {
            epoch: format!("{:x}", started.as_nanos()),
            whole: Mutex::default(),
            changes: Changes::follow(parts.mesh.clone(), parts.stop.clone()),
            mesh: parts.mesh,
            change_streams: Arc::new(Semaphore::new(CHANGE_STREAMS)),
            watch_streams: Arc::new(Semaphore::new(WATCH_STREAMS)),
            workers: Arc::new(Semaphore::new(WORKERS)),
            watcher: Watcher {
                dialer: parts.dialer,
                token: parts.watch_token,
            },
            statuses: parts.statuses,
            metrics: parts.metrics,
            openapi: serde_json::to_vec(openapi).unwrap_or_default().into(),
            stop: parts.stop,
        }))
    }

    /// The mesh as it is now.
    pub(super) fn mesh(&self) -> Arc<Mesh> {
        self.0.mesh.borrow().clone()
    }

    /// The mesh as it becomes.
    pub(super) fn follow(&self) -> watch::Receiver<Arc<Mesh>> {
        self.0.mesh.clone()
    }

    pub(super) fn changes(&self) -> Arc<Changes> {
        self.0.changes.clone()
    }

    pub(super) fn watcher(&self) -> Watcher {
        self.0.watcher.clone()
    }

    pub(super) fn statuses(&self) -> &Statuses {
        &self.0.statuses
    }

    pub(super) fn metrics(&self) -> String {
        (self.0.metrics)()
    }

    pub(super) fn openapi(&self) -> Bytes {
        self.0.openapi.clone()
    }

    pub(super) fn stop(&self) -> CancellationToken {
        self.0.stop.clone()
    }

    /// The id of the event that leads to a revision.
    pub(super) fn event_id(&self, revision: u64) -> String {
        format!("{}-{revision}", self.0.epoch)
    }

    /// The revision of an event's id; `None` when it is of another process.
    pub(super) fn revision(&self, event_id: &str) -> Option<u64> {
        let (epoch, revision) = event_id.rsplit_once('-')?;
        (epoch == self.0.epoch).then(|| revision.parse().ok())?
    }

    /// Room for one more stream of changes.
    pub(super) fn change_stream(&self) -> Result<OwnedSemaphorePermit, Problem> {
        room(&self.0.change_streams, CHANGE_STREAMS)
    }

    /// Room for one more watch.
    pub(super) fn watch_stream(&self) -> Result<OwnedSemaphorePermit, Problem> {
        room(&self.0.watch_streams, WATCH_STREAMS)
    }

    /// Does what takes long in a large mesh where it holds up no other request. It counts until it ends,
    /// also when its client is gone.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let failed = |e: &dyn std::fmt::Display| {
            Problem::new(Kind::Internal, format!("the answer cannot be made: {e}"))
        };
        let room = self.0.workers.clone().acquire_owned().await;
        let room = room.map_err(|e| failed(&e))?;
        let working = tokio::task::spawn_blocking(move || {
            let _room = room;
            work()
        });
        working.await.map_err(|e| failed(&e))
    }

    /// An answer about a revision of the mesh.
    pub(super) fn json<T: Serialize>(&self, revision: u64, body: &T) -> Response {
        match serde_json::to_vec(body) {
            Ok(body) => self.text(revision, "application/json", body),
            Err(e) => {
                Problem::new(Kind::Internal, format!("the answer is no JSON: {e}")).into_response()
            }
        }
    }

    /// The same in another media type.
    pub(super) fn text(
        &self,
        revision: u64,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Response {
        let mut response = body.into().into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        let tag = format!("W/\"{}\"", self.event_id(revision));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    /// An answer that is the same for every client, made by `render` once per revision.
    pub(super) async fn whole(
        &self,
        headers: &HeaderMap,
        render: impl FnOnce(&Mesh) -> serde_json::Result<Vec<u8>> + Send + 'static,
    ) -> Result<Response, Problem> {
        let mesh = self.mesh();
        // Who comes while it is being made waits for it.
        let mut whole = self.0.whole.lock().await;
        let rendered = match &*whole {
            Some(rendered) if rendered.revision >= mesh.revision => rendered.clone(),
            _ => {
                let rendering = move || Rendered::new(&mesh, render);
                let rendered = tokio::task::spawn_blocking(rendering).await;
                let rendered = rendered
                    .map_err(std::io::Error::other)
                    .flatten()
                    .map_err(|e| {
                        Problem::new(Kind::Internal, format!("the mesh is no JSON: {e}"))
                    })?;
                whole.insert(Arc::new(rendered)).clone()
            }
        };
        drop(whole);
        // One coding is left of those the client accepts.
        let zipped = headers
            .get(header::ACCEPT_ENCODING)
            .is_some_and(|coding| coding == "gzip");
        let body = if zipped {
            &rendered.gzip
        } else {
            &rendered.json
        };
        let mut response = self.text(rendered.revision, "application/json", body.clone());
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if zipped {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Ok(response)
    }
}

impl Rendered {
    fn new(
        mesh: &Mesh,
        render: impl FnOnce(&Mesh) -> serde_json::Result<Vec<u8>>,
    ) -> std::io::Result<Self> {
        let json = render(mesh)?;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&json)?;
        Ok(Self {
            revision: mesh.revision,
            json: json.into(),
            gzip: gzip.finish()?.into(),
        })
    }
}

fn room(streams: &Arc<Semaphore>, most: usize) -> Result<OwnedSemaphorePermit, Problem> {
    streams.clone().try_acquire_owned().map_err(|_| {
        Problem::new(
            Kind::Streams,
            format!("{most} streams are open, which is as many as may be; try again later"),
        )
    })
}
