//! The description of the API in OpenAPI 3.1: what routes say of themselves, and what all have in
//! common.

use axum::Router;
use utoipa::OpenApi as _;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi, Ref, RefOr};
use utoipa_axum::router::OpenApiRouter;

use super::access::OPEN;
use super::changes::Changed;
use super::problem::{Kind, PROBLEM_JSON, Problem};
use super::routes;
use super::state::Api;
use super::watch;

/// Answers that change without a new revision of the mesh, which is no tag of theirs then.
const UNTAGGED: &[&str] = &[
    "/api/v1/runs",
    "/api/v1/kafka/topics",
    "/api/v1/kafka/groups",
];

/// What is common to all paths.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "kafmesh-discover",
        description = "What the processes of a mesh say of themselves.\n\n\
            Every path serves GET and HEAD. Answers about the mesh carry its revision as `ETag`; with \
            `If-None-Match` a client that has the revision already is answered 304. Scrapes and what \
            Kafka has change without a revision, and have no tag. Errors are problem \
            details (RFC 9457). Where a token is configured, requests bear it \
            (`authorization: Bearer TOKEN`); `/health/live` and `/health/ready` are open always, \
            `/metrics` by configuration. Of server-sent events, `x-events` of an operation has the schema \
            of the data of each, by its name.",
        license(name = "MIT", identifier = "MIT"),
    ),
    tags(
        (name = "mesh", description = "What there is, and how it hangs together"),
        (name = "pods", description = "Processes, and the scrapes that asked them"),
        (name = "kafka", description = "What Kafka itself has, where it is configured"),
        (name = "exports", description = "The map as a file"),
        (name = "events", description = "Server-sent events"),
        (name = "health", description = "How kafmesh-discover itself is doing"),
        (name = "about", description = "What this is"),
    ),
    components(schemas(
        Problem,
        Changed,
        routes::Position,
        watch::Operation,
        watch::Lost,
        watch::PodEvent,
        watch::Failure,
    ))
)]
struct Common;

/// The API's description, as `/openapi.json` serves it.
pub fn description() -> OpenApi {
    described(routes::all()).1
}

/// Takes the routes and their description apart, and completes the description.
pub(super) fn described(routes: OpenApiRouter<Api>) -> (Router<Api>, OpenApi) {
    let (router, described) = routes.split_for_parts();
    let mut openapi = Common::openapi();
    openapi.merge(described);
    let components = openapi.components.get_or_insert_default();
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)),
    );
    for &kind in Kind::ALL {
        components
            .responses
            .insert(name(kind), RefOr::T(problem(kind)));
    }
    for (path, item) in &mut openapi.paths.paths {
        if let Some(operation) = &mut item.get {
            complete(path, operation);
        }
    }
    (router, openapi)
}

/// Adds what an operation has in common with others.
fn complete(path: &str, operation: &mut Operation) {
    let mut problems = vec![Kind::Body, Kind::Host, Kind::Internal, Kind::Timeout];
    if OPEN.contains(&path) {
        operation.security = Some(Vec::new());
    } else {
        operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>(
            "token",
            [],
        )]);
        problems.extend([Kind::Token, Kind::Certificate, Kind::NotAcceptable]);
    }
    // They refuse parameters they do not have, too.
    if path.starts_with("/api/") {
        problems.push(Kind::Parameter);
    }
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    let parameters = parameters.iter().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(parameter),
        RefOr::Ref(_) => None,
    });
    for parameter in parameters {
        match parameter.parameter_in {
            ParameterIn::Path => problems.push(Kind::Unknown),
            // Names a node together with `label`.
            _ if parameter.name == "key" => problems.push(Kind::Unknown),
            _ => {}
        }
    }
    if path.starts_with("/api/v1/kafka/") {
        problems.extend([Kind::NotConfigured, Kind::NotRead]);
    }
    let is_stream = operation.tags.iter().flatten().any(|tag| tag == "events");
    if is_stream {
        problems.push(Kind::Streams);
    }
    for kind in problems {
        let reference = Ref::from_response_name(name(kind));
        operation
            .responses
            .responses
            .entry(kind.status().as_str().to_owned())
            .or_insert(RefOr::Ref(reference));
    }
    if path.starts_with("/api/") && !UNTAGGED.contains(&path) && !is_stream {
        let not_modified =
            ResponseBuilder::new().description("The client has this revision already");
        operation
            .responses
            .responses
            .insert("304".to_owned(), not_modified.build().into());
        if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") {
            let text = ObjectBuilder::new().schema_type(Type::String);
            let tag = HeaderBuilder::new()
                .schema(Some(text))
                .description(Some("The revision of the mesh the answer is about"));
            response
                .headers
                .insert("ETag".to_owned(), RefOr::T(tag.build()));
        }
    }
}

fn name(kind: Kind) -> String {
    format!("{kind:?}")
}

fn problem(kind: Kind) -> Response {
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .example(Some(serde_json::json!({
            "type": kind.uri(),
            "title": kind.title(),
            "status": kind.status().as_u16(),
            "detail": "what happened this time, and what to do",
            "instance": "/api/v1/mesh",
        })));
    ResponseBuilder::new()
        .description(kind.title())
        .content(PROBLEM_JSON, content.build())
        .build()
}
