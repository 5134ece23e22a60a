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

fn actual(mesh: &Mesh) -> Result<&Actual, Problem> {
    mesh.actual.as_deref().ok_or_else(|| {
        Problem::new(
            Kind::NotConfigured,
            "nothing was read from Kafka; start kafmesh-discover with --brokers and see /health/ready",
        )
    })
}

/// The topics Kafka has
///
/// With their partitions, whether anything declares them or not.
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
    let actual = actual(&mesh)?;
    let list = list.of(
        mesh.revision,
        &actual.topics,
        |(name, _)| name.to_string(),
        |(name, topic)| Named::new(actual, name, topic),
    )?;
    // Kafka is read without a new revision.
    Ok(Json(list).into_response())
}

/// The consumer groups Kafka has
///
/// With their lag, whether anything declares them or not.
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
    let actual = actual(&mesh)?;
    let list = list.of(
        mesh.revision,
        &actual.groups,
        |(name, _)| name.to_string(),
        |(name, group)| Named::new(actual, name, group),
    )?;
    // Kafka is read without a new revision.
    Ok(Json(list).into_response())
}
