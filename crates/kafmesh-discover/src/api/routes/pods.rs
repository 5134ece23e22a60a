//! Pods, and the scrapes that asked them.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::extract::{Nothing, Paged, Path, Query};
use crate::api::page::{List, Page};
use crate::api::problem::{Problem, unknown};
use crate::api::state::Api;
use crate::mesh::description::Description;
use crate::mesh::pod::{Failure, Instance, Observed, Pod, PodKey};
use crate::mesh::run::ScrapeRun;

/// A pod, and what is known of it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ObservedPod)]
pub(super) struct PodView<'a> {
    /// The pod as Kubernetes or the configuration knows it.
    pod: &'a Pod,
    /// How it is doing.
    state: PodState,
    /// The service it says it runs; absent when it never answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<&'a str>,
    /// Since when it says what it says: the same answer again does not move it, unless there was a failure
    /// in between.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_since: Option<Timestamp>,
    /// The process.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a Instance>,
    /// Why it did not answer when it was asked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a Failure>,
}

/// How a pod is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PodState {
    /// It answered when it was asked last.
    Current,
    /// It answered before, but not when it was asked last.
    Stale,
    /// It never answered.
    Failed,
}

impl PodState {
    fn of(pod: &Observed) -> Self {
        match (&pod.answer, &pod.failure) {
            (Some(_), None) => Self::Current,
            (Some(_), Some(_)) => Self::Stale,
            (None, _) => Self::Failed,
        }
    }
}

impl<'a> From<&'a Observed> for PodView<'a> {
    fn from(pod: &'a Observed) -> Self {
        let answer = pod.answer.as_ref();
        Self {
            pod: &pod.pod,
            state: PodState::of(pod),
            service: answer.map(|answer| answer.description.service.as_str()),
            answer_since: answer.map(|answer| answer.at),
            instance: answer.map(|answer| &answer.instance),
            failure: pod.failure.as_ref(),
        }
    }
}

/// Which pods.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Pods {
    /// Only those that run this service.
    #[param(example = "shop")]
    service: Option<String>,
    /// Only those that are doing so.
    #[param(inline)]
    state: Option<PodState>,
}

/// The pods
///
/// With their versions, and why those that do not answer do not.
#[utoipa::path(
    get,
    path = "/api/v1/pods",
    tag = "pods",
    params(Pods, Page),
    responses((status = 200, description = "A page of pods", body = List<PodView>))
)]
pub(super) async fn pods(
    State(api): State<Api>,
    Paged(query, page): Paged<Pods>,
) -> Result<Response, Problem> {
    let mesh = api.mesh();
    let pods = mesh.pods.values().map(|pod| PodView::from(&**pod));
    let pods = pods.filter(|pod| {
        query.state.is_none_or(|state| pod.state == state)
            && (query.service.is_none() || pod.service == query.service.as_deref())
    });
    let list = page.window()?;
    let list = list.of(mesh.revision, pods, |pod| pod.pod.key.clone(), |pod| pod)?;
    Ok(api.json(mesh.revision, &list))
}

/// A pod.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct PodPath {
    /// Its namespace; `(static)` for a static target.
    #[param(example = "prod")]
    namespace: String,
    /// Its name; for a static target, its address.
    #[param(example = "shop-1")]
    name: String,
}

/// A pod with what it said of itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodDetail<'a> {
    /// The revision of the mesh it is about.
    revision: u64,
    /// The pod.
    #[serde(flatten)]
    pod: PodView<'a>,
    /// What it said last; absent when it never answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a Description>,
}

/// A pod with what it said of itself
#[utoipa::path(
    get,
    path = "/api/v1/pods/{namespace}/{name}",
    tag = "pods",
    params(PodPath),
    responses((status = 200, description = "The pod", body = PodDetail))
)]
pub(super) async fn pod(
    State(api): State<Api>,
    Path(path): Path<PodPath>,
    Query(Nothing {}): Query<Nothing>,
) -> Result<Response, Problem> {
    let mesh = api.mesh();
    let key = PodKey::new(&path.namespace, &path.name);
    let pod = mesh
        .pods
        .get(&key)
        .ok_or_else(|| unknown("pod", key.as_str(), "/api/v1/pods"))?;
    let detail = PodDetail {
        revision: mesh.revision,
        pod: (&**pod).into(),
        description: pod.answer.as_ref().map(|answer| &*answer.description),
    };
    Ok(api.json(mesh.revision, &detail))
}

/// The last scrapes
///
/// The newest first; 100 are remembered.
#[utoipa::path(
    get,
    path = "/api/v1/runs",
    tag = "pods",
    params(Page),
    responses((status = 200, description = "A page of scrapes", body = List<ScrapeRun>))
)]
pub(super) async fn runs(
    State(api): State<Api>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let mesh = api.mesh();
    let position = |run: &&ScrapeRun| Reverse((run.started, run.id.clone()));
    let mut runs: Vec<_> = mesh.runs.iter().collect();
    runs.sort_by_key(position);
    let list = page
        .window()?
        .of(mesh.revision, runs, position, |run| run)?;
    // Scrapes end without a new revision.
    Ok(Json(list).into_response())
}
