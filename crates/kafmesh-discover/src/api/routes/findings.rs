//! What is wrong with the mesh, or is likely to be.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::extract::Paged;
use crate::api::page::{List, Page};
use crate::api::problem::Problem;
use crate::api::state::Api;
use crate::mesh::findings::{Finding, FindingKind, Severity};

/// Which findings.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Findings {
    /// Only those that are this bad.
    #[param(inline)]
    severity: Option<Severity>,
    /// Only those of this kind.
    #[param(inline)]
    kind: Option<FindingKind>,
}

/// What is wrong, or is likely to be
///
/// The worst first. Found by comparing what processes declare with each other and, where it is
/// configured, with what Kafka has.
#[utoipa::path(
    get,
    path = "/api/v1/findings",
    tag = "mesh",
    params(Findings, Page),
    responses((status = 200, description = "A page of findings", body = List<Finding>))
)]
pub(super) async fn findings(
    State(api): State<Api>,
    Paged(query, page): Paged<Findings>,
) -> Result<Response, Problem> {
    let mesh = api.mesh();
    let findings = mesh.findings.iter().filter(|finding| {
        query
            .severity
            .is_none_or(|severity| finding.severity == severity)
            && query.kind.is_none_or(|kind| finding.kind == kind)
    });
    let position = |finding: &&Finding| {
        let (subject, message) = (finding.subject.clone(), finding.message.clone());
        (finding.severity, finding.kind, subject, message)
    };
    let list = page.window()?;
    let list = list.of(mesh.revision, findings, position, |finding| finding)?;
    Ok(api.json(mesh.revision, &list))
}
