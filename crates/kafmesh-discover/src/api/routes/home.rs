//! The first page, and the description of the API.

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

use crate::api::state::Api;

const PAGE: &str = include_str!("home.html");

/// What this is
///
/// A page for people, with links.
#[utoipa::path(
    get,
    path = "/",
    tag = "about",
    responses((
        status = 200, description = "A page", body = String, content_type = "text/html",
        example = json!("<!doctype html>"),
    ))
)]
pub(super) async fn home() -> Html<&'static str> {
    Html(PAGE)
}

/// This description
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "about",
    responses((
        status = 200, description = "A description in OpenAPI 3.1", body = Object,
        content_type = "application/json",
    ))
)]
pub(super) async fn openapi(State(api): State<Api>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], api.openapi()).into_response()
}
