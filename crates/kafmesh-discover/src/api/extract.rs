//! Parameters of requests, whose mistakes are problem details.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path as AxumPath, Query as AxumQuery};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::page::Page;
use super::problem::{Kind, Problem};

/// The parameters in the path.
pub(super) struct Path<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path: Result<AxumPath<T>, PathRejection> =
            AxumPath::from_request_parts(parts, state).await;
        path.map(|AxumPath(value)| Self(value))
            .map_err(|e| Problem::new(Kind::Parameter, format!("in the path: {}", e.body_text())))
    }
}

/// The parameters behind the `?`; others than `T` names are refused.
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        read(&parts.uri).map(Self)
    }
}

/// No parameters behind the `?`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// The parameters behind the `?` of a list: `T`, and which page. (serde cannot flatten one into the other
/// and refuse the rest.)
pub(super) struct Paged<T>(pub(super) T, pub(super) Page);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Paged<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default().split('&');
        let (page, rest): (Vec<_>, Vec<_>) = query.partition(|parameter| {
            let (name, _) = parameter.split_once('=').unwrap_or((parameter, ""));
            Page::PARAMETERS.contains(&name)
        });
        Ok(Self(part(&rest)?, part(&page)?))
    }
}

/// Some of the parameters of a query.
fn part<T: DeserializeOwned>(parameters: &[&str]) -> Result<T, Problem> {
    let uri = Uri::try_from(format!("/?{}", parameters.join("&")));
    read(&uri.map_err(|e| Problem::new(Kind::Parameter, e.to_string()))?)
}

fn read<T: DeserializeOwned>(uri: &Uri) -> Result<T, Problem> {
    AxumQuery::try_from_uri(uri)
        .map(|AxumQuery(value)| value)
        .map_err(|e| Problem::new(Kind::Parameter, e.body_text()))
}

/// A number within its bounds, or the default where none is given.
pub(super) fn bounded(
    name: &str,
    value: Option<u32>,
    default: u32,
    (least, most): (u32, u32),
) -> Result<usize, Problem> {
    let value = value.unwrap_or(default);
    if !(least..=most).contains(&value) {
        return Err(Problem::new(
            Kind::Parameter,
            format!("`{name}` is {value}; it must be from {least} to {most}"),
        ));
    }
    Ok(value as usize)
}
