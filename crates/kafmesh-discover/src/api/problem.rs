//! Errors as problem details (RFC 9457).

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of [`Problem`].
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// What went wrong, as RFC 9457 lays it out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:kafmesh:problem:unknown",
    "title": "There is no such thing in the mesh",
    "status": 404,
    "detail": "no topic \"clicks\" is known; GET /api/v1/topics lists those that are",
    "instance": "/api/v1/topics/clicks"
}))]
pub(super) struct Problem {
    /// Tells kinds of problems apart.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The kind for people; the same for all problems of a type.
    title: &'static str,
    /// The response's status.
    status: u16,
    /// What happened this time, and what to do.
    detail: String,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $variant:ident = $status:ident $slug:literal $title:literal,)*) => {
        /// Kinds of [`Problem`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Kind { $($(#[doc = $doc])* $variant,)* }

        impl Kind {
            /// Every kind.
            pub(super) const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its status, its type and its title.
            fn parts(self) -> (StatusCode, &'static str, &'static str) {
                match self {
                    $(Self::$variant => (
                        StatusCode::$status,
                        concat!("urn:kafmesh:problem:", $slug),
                        $title,
                    ),)*
                }
            }
        }
    };
}

kinds! {
    /// A parameter in the path or the query.
    Parameter = BAD_REQUEST "parameter" "A parameter is not as described",
    /// The token is missing or another one.
    Token = UNAUTHORIZED "token" "A token is needed",
    /// The connection has no client certificate.
    Certificate = FORBIDDEN "certificate" "A client certificate is needed",
    /// A node that the mesh does not have.
    Unknown = NOT_FOUND "unknown" "There is no such thing in the mesh",
    /// A path that is not part of the API.
    Path = NOT_FOUND "path" "There is no such path",
    /// Something that the configuration leaves out.
    NotConfigured = NOT_FOUND "not-configured" "This is not configured",
    /// Something that is configured, and was not reached since the start.
    NotRead = SERVICE_UNAVAILABLE "not-read" "This could not be read yet",
    /// Another method than GET or HEAD.
    Method = METHOD_NOT_ALLOWED "method" "Only GET and HEAD are served",
    /// None of the media types or codings the client accepts.
    NotAcceptable = NOT_ACCEPTABLE "not-acceptable" "This is served in another form",
    /// A request with a long body.
    Body = PAYLOAD_TOO_LARGE "body" "Requests have no bodies here",
    /// A request to a name that this machine's own port does not answer to.
    Host = MISDIRECTED_REQUEST "host" "This host is not served here",
    /// As many streams as may are open.
    Streams = SERVICE_UNAVAILABLE "streams" "As many streams as may are open",
    /// The answer took too long.
    Timeout = GATEWAY_TIMEOUT "timeout" "The answer took too long",
    /// A mistake in this program.
    Internal = INTERNAL_SERVER_ERROR "internal" "Something is wrong in kafmesh-discover",
}

impl Kind {
    /// The status of responses with it.
    pub(super) fn status(self) -> StatusCode {
        self.parts().0
    }

    /// What `type` says.
    pub(super) fn uri(self) -> &'static str {
        self.parts().1
    }

    /// What `title` says.
    pub(super) fn title(self) -> &'static str {
        self.parts().2
    }
}

impl Problem {
    /// A problem of a kind.
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind: kind.uri(),
            title: kind.title(),
            status: kind.status().as_u16(),
            detail: detail.into(),
            instance: None,
        }
    }

    /// The problem of a request for `path`.
    pub(super) fn at(self, path: &str) -> Self {
        Self {
            instance: Some(path.to_owned()),
            ..self
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match status {
            StatusCode::UNAUTHORIZED => {
                let scheme = HeaderValue::from_static("Bearer realm=\"kafmesh-discover\"");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// Completes problems with the path that was asked for.
pub(super) async fn name_instance(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    let (mut head, _) = response.into_parts();
    // Of the body without the path.
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.remove(header::CONTENT_ENCODING);
    let body = serde_json::to_vec(&problem.at(&path)).unwrap_or_default();
    Response::from_parts(head, body.into())
}

/// That there is no such node.
pub(super) fn unknown(what: &str, name: &str, list: &str) -> Problem {
    let name: String = name.chars().take(200).collect();
    Problem::new(
        Kind::Unknown,
        format!("no {what} {name:?} is known; GET {list} lists those that are"),
    )
}

/// For paths that are not part of the API.
pub(super) async fn no_such_path() -> Problem {
    Problem::new(
        Kind::Path,
        "no such path; /openapi.json lists those there are",
    )
}

/// For methods that a path does not serve.
pub(super) async fn no_such_method() -> Problem {
    Problem::new(Kind::Method, "the API only shows things: use GET or HEAD")
}
