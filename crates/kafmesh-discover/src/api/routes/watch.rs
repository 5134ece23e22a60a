//! What a processor does, as server-sent events.

use std::convert::Infallible;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse;
use futures_util::StreamExt;
use serde::Deserialize;
use utoipa::IntoParams;

use super::events::streamed;
use crate::api::extract::{Path, Query};
use crate::api::problem::{Kind, Problem, unknown};
use crate::api::state::Api;
use crate::api::watch::{Event, Target, Watch};

/// The longest key, in bytes.
const LONGEST_KEY: usize = 4096;

/// A processor.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct ProcessorPath {
    /// The service's name.
    #[param(example = "shop")]
    service: String,
    /// The component's name.
    #[param(example = "orders")]
    component: String,
    /// The processor's name.
    #[param(example = "totals")]
    processor: String,
}

/// Which of its records.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    /// Only records with this key; every key without it.
    #[param(max_length = 4096, example = "customer-1")]
    key: Option<String>,
}

/// What a processor does
///
/// Server-sent events about all pods it runs in, those that come later too. `operation`
/// ([WatchOperation]) tells what happened with one record; `lost` ([WatchLost]) how many operations are
/// not shown; `joined` and `left` ([WatchPod]) which pods are watched; `failed` ([WatchFailure]) which
/// cannot be, for now. Who reads slowly loses operations, never slows a processor.
#[utoipa::path(
    get,
    path = "/api/v1/services/{service}/components/{component}/processors/{processor}/watch",
    tag = "events",
    params(ProcessorPath, Key),
    responses((
        status = 200, description = "A stream that ends when kafmesh-discover stops",
        body = String, content_type = "text/event-stream",
        example = json!("event: joined\ndata: {\"pod\":\"shop/orders-7d4b9c\"}\n\n"),
    )),
    extensions(("x-events" = json!({
        "joined": {"$ref": "#/components/schemas/WatchPod"},
        "left": {"$ref": "#/components/schemas/WatchPod"},
        "operation": {"$ref": "#/components/schemas/WatchOperation"},
        "lost": {"$ref": "#/components/schemas/WatchLost"},
        "failed": {"$ref": "#/components/schemas/WatchFailure"},
    })))
)]
pub(super) async fn watch(
    State(api): State<Api>,
    Path(path): Path<ProcessorPath>,
    Query(query): Query<Key>,
) -> Result<Response, Problem> {
    let key = query.key.unwrap_or_default();
    if key.len() > LONGEST_KEY {
        let detail = format!("`key` has {} bytes; {LONGEST_KEY} are allowed", key.len());
        return Err(Problem::new(Kind::Parameter, detail));
    }
    let target = Target {
        service: path.service,
        component: path.component,
        processor: path.processor,
        key,
    };
    if !api.mesh().pods.values().any(|pod| target.runs_in(pod)) {
        let list = "/api/v1/nodes?label=Processor";
        return Err(unknown("processor", &target.processor, list));
    }
    let room = api.watch_stream()?;
    let watch = Watch::start(target, api.follow(), api.watcher(), api.stop());
    let events = futures_util::stream::unfold((watch, room), |(mut watch, room)| async {
        let event = watch.next().await?;
        Some((Ok::<_, Infallible>(written(&event)), (watch, room)))
    });
    Ok(streamed(events.take_until(api.stop().cancelled_owned())))
}

fn written(event: &Event) -> sse::Event {
    let data = event.json().unwrap_or_default();
    sse::Event::default().event(event.name()).data(data)
}
