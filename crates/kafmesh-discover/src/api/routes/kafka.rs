//! What Kafka itself has.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::extract::Query;
use crate::api::page::{List, Page};
use crate::api::problem::{Kind, Problem};
use crate::api::state::Api;
use crate::mesh::Mesh;
use crate::mesh::actual::{Actual, ActualGroup, ActualTopic};
use crate::status::{Part, Status};

/// A topic or a group of Kafka.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named<'a, T> {
    /// Its name.
    name: &'a str,
    /// When it was read from Kafka last.
    at: Timestamp,
    /// Whether Kafka could not be read since, so that this may no longer be so; `/health/ready` says why.
    stale: bool,
    /// What Kafka tells of it.
    #[serde(flatten)]
    actual: &'a T,
}

impl<'a, T> Named<'a, T> {
    fn new(of: &Actual, name: &'a str, actual: &'a T) -> Self {
        Self {
            name,
            at: of.at,
            stale: of.is_stale(),
            actual,
        }
    }
}

fn actual<'a>(api: &Api, mesh: &'a Mesh) -> Result<&'a Actual, Problem> {
    if let Some(actual) = &mesh.actual {
        return Ok(actual);
    }
    if mesh.unread.is_none() {
        let detail = "kafmesh-discover asks no Kafka; start it with --brokers";
        return Err(Problem::new(Kind::NotConfigured, detail));
    }
    let detail = match api.statuses().get(Part::Kafka) {
        Some(Status::Failing { why, .. }) => format!("Kafka was not read yet: {why}"),
        _ => "Kafka is being read for the first time; ask again in a moment".to_owned(),
    };
    Err(Problem::new(Kind::NotRead, detail))
}

/// The topics Kafka has
///
/// With their partitions, whether anything declares them or not. Each look at Kafka gives another answer, with
/// or without a new revision of the mesh.
#[utoipa::path(
    get,
    path = "/api/v1/kafka/topics",
    operation_id = "kafkaTopics",
    tag = "kafka",
    params(Page),
    responses((status = 200, description = "A page of topics", body = List<Named<ActualTopic>>))
)]
pub(super) async fn topics(
    State(api): State<Api>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let list = page.window()?;
    let mesh = api.mesh();
    let actual = actual(&api, &mesh)?;
    let list = list.of(
        mesh.revision,
        &actual.topics,
        |(name, _)| name.to_string(),
        |(name, topic)| Named::new(actual, name, topic),
    )?;
    // Without a tag: Kafka is read without a new revision.
    Ok(Json(list).into_response())
}

/// The consumer groups Kafka has
///
/// With their lag, whether anything declares them or not. Each look at Kafka gives another answer, with or
/// without a new revision of the mesh.
#[utoipa::path(
    get,
    path = "/api/v1/kafka/groups",
    operation_id = "kafkaGroups",
    tag = "kafka",
    params(Page),
    responses((status = 200, description = "A page of groups", body = List<Named<ActualGroup>>))
)]
pub(super) async fn groups(
    State(api): State<Api>,
    Query(page): Query<Page>,
) -> Result<Response, Problem> {
    let list = page.window()?;
    let mesh = api.mesh();
    let actual = actual(&api, &mesh)?;
    let list = list.of(
        mesh.revision,
        &actual.groups,
        |(name, _)| name.to_string(),
        |(name, group)| Named::new(actual, name, group),
    )?;
    // Without a tag: Kafka is read without a new revision.
    Ok(Json(list).into_response())
}
