//! Changes of the mesh as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::ToSchema;

use crate::api::changes::{Change, Changes};
use crate::api::extract::{Nothing, Query};
use crate::api::problem::Problem;
use crate::api::state::Api;

/// How often a stream without events sends a comment, for proxies and to notice who has left.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Events `hello` and `reset` of changes.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Position {
    /// The revision the mesh has now; later events tell what changes from there on.
    revision: u64,
}

/// Changes as they happen
///
/// Server-sent events. `hello` ([Position]) begins a stream; `change` ([Changed]) names the nodes and
/// edges that were added, changed or removed; `reset` ([Position]) says that changes were missed and
/// everything is to be read anew. The id of an event leads, as `Last-Event-ID`, to what came after it;
/// another process of kafmesh-discover does not know it, and answers `reset`. Comments keep the connection
/// open. To miss nothing, open the stream and read the mesh then.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    params((
        "last-event-id" = Option<String>, Header,
        description = "The id of the last event that was seen; browsers send it by themselves",
        example = "18c2f0-12",
    )),
    responses((
        status = 200, description = "A stream that ends when kafmesh-discover stops",
        body = String, content_type = "text/event-stream",
        example = json!("event: hello\nid: 18c2f0-12\ndata: {\"revision\":12}\n\n"),
    )),
    extensions(("x-events" = json!({
        "hello": {"$ref": "#/components/schemas/Position"},
        "change": {"$ref": "#/components/schemas/Changed"},
        "reset": {"$ref": "#/components/schemas/Position"},
    })))
)]
pub(super) async fn events(
    State(api): State<Api>,
    headers: HeaderMap,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    let room = api.change_stream()?;
    let changes = api.changes();
    // Asked for before what has happened is looked at: nothing falls between.
    let newest = changes.newest();
    let last = headers.get("last-event-id");
    let last = last.map(|last| last.to_str().ok().and_then(|last| api.revision(last)));
    let (revision, name) = match last {
        None => (*newest.borrow(), Some("hello")),
        Some(Some(last)) if changes.since(last).is_some() => (last, None),
        Some(_) => (*newest.borrow(), Some("reset")),
    };
    let mut follower = Follower {
        api: api.clone(),
        changes,
        newest,
        revision,
        waiting: VecDeque::new(),
        position: name,
        _room: room,
    };
    if follower.position.is_none() {
        follower.fetch();
    }
    let stop = api.stop();
    let stream = futures_util::stream::unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        Some((Ok::<_, Infallible>(event), follower))
    });
    let stream = futures_util::StreamExt::take_until(stream, stop.cancelled_owned());
    Ok(streamed(stream))
}

/// A response with events.
pub(super) fn streamed(
    events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
) -> Response {
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    let mut response = Sse::new(events).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would collect events otherwise.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// One client, and what it has been told.
struct Follower {
    api: Api,
    changes: Arc<Changes>,
    newest: watch::Receiver<u64>,
    /// The revision that what was fetched leads to.
    revision: u64,
    waiting: VecDeque<Arc<Change>>,
    /// The name of an event that tells the revision, to be sent first.
    position: Option<&'static str>,
    _room: OwnedSemaphorePermit,
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(name) = self.position.take() {
                let data = format!("{{\"revision\":{}}}", self.revision);
                return Some(self.event(name, self.revision, data));
            }
            if let Some(change) = self.waiting.pop_front() {
                return Some(self.event("change", change.to, change.json.clone()));
            }
            let revision = self.revision;
            self.newest
                .wait_for(|newest| *newest != revision)
                .await
                .ok()?;
            self.fetch();
        }
    }

    /// Takes what has changed since; begins anew when that is not known any more.
    fn fetch(&mut self) {
        match self.changes.since(self.revision) {
            Some(missed) => {
                self.revision = missed.newest;
                self.waiting = missed.changes.into();
            }
            None => {
                self.revision = *self.newest.borrow();
                self.position = Some("reset");
            }
        }
    }

    fn event(&self, name: &str, revision: u64, data: String) -> Event {
        let id = self.api.event_id(revision);
        Event::default().event(name).id(id).data(data)
    }
}
