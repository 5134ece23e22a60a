//! What requests ask of responses in their headers: a media type, a change since last time.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::{Kind, Problem};

/// The longest body of a request that is put up with; nothing reads it.
const LONGEST_BODY: u64 = 16 * 1024;

/// Refuses long bodies.
pub(super) async fn limit_body(request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > LONGEST_BODY) {
        return Problem::new(
            Kind::Body,
            format!("the request has a body of more than {LONGEST_BODY} bytes; send none"),
        )
        .into_response();
    }
    next.run(request).await
}

/// Answers 406 when the client accepts another media type only, and 304 when it has the response
/// already.
pub(super) async fn negotiate(request: Request, next: Next) -> Response {
    let accept = joined(request.headers(), header::ACCEPT);
    let known = joined(request.headers(), header::IF_NONE_MATCH);
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    if let (Some(accept), Some(content_type)) = (&accept, content_type)
        && !accepts(accept, content_type)
    {
        let detail = format!("this is served as {content_type}, which `accept` leaves out");
        return Problem::new(Kind::NotAcceptable, detail).into_response();
    }
    let tag = response.headers().get(header::ETAG);
    let tag = tag.and_then(|value| value.to_str().ok());
    if let (Some(known), Some(tag)) = (&known, tag)
        && matches(known, tag)
    {
        let (mut head, _) = response.into_parts();
        head.status = StatusCode::NOT_MODIFIED;
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.remove(header::CONTENT_TYPE);
        head.headers.remove(header::CONTENT_ENCODING);
        return Response::from_parts(head, Body::empty());
    }
    response
}

/// The values of a header that is a list, as one.
fn joined(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    let values: Vec<_> = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// Whether `Accept: ACCEPT` allows the media type; the most specific range decides (RFC 9110, 12.5.1).
fn accepts(accept: &str, content_type: &str) -> bool {
    let essence = essence(content_type);
    let (kind, _) = essence.split_once('/').unwrap_or((essence, ""));
    let mut decided = (0, false);
    let mut any = false;
    for range in accept.split(',').filter(|range| !range.trim().is_empty()) {
        any = true;
        let specific = match self::essence(range) {
            name if name.eq_ignore_ascii_case(essence) => 3,
            name if name
                .strip_suffix("/*")
                .is_some_and(|name| name.eq_ignore_ascii_case(kind)) =>
            {
                2
            }
            "*/*" => 1,
            _ => continue,
        };
        if specific > decided.0 {
            decided = (specific, !is_refused(range));
        }
    }
    decided.1 || !any
}

fn essence(media: &str) -> &str {
    media.split(';').next().unwrap_or_default().trim()
}

/// Whether the range's weight is zero.
fn is_refused(range: &str) -> bool {
    range.split(';').skip(1).any(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("q")
                && value
                    .trim()
                    .parse::<f32>()
                    .is_ok_and(|weight| weight <= 0.0)
        })
    })
}

/// Whether `If-None-Match: KNOWN` names the tag, by the weak comparison.
fn matches(known: &str, tag: &str) -> bool {
    fn opaque(tag: &str) -> &str {
        tag.trim().trim_start_matches("W/")
    }
    known.trim() == "*" || known.split(',').any(|known| opaque(known) == opaque(tag))
}

/// Headers that keep browsers from doing more with a response than show it.
pub(super) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // What is shown changes, and may be of no business to who comes next.
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        for (accept, accepted) in [
            ("*/*", true),
            ("application/json", true),
            ("Application/JSON;q=0.1", true),
            ("application/*", true),
            ("text/html, application/*;q=0.5", true),
            ("text/html", false),
            ("text/*", false),
            ("application/json;q=0, */*", false),
            ("*/*;q=0", false),
            ("", true),
            ("nonsense", false),
        ] {
            assert_eq!(
                accepts(accept, "application/json; charset=utf-8"),
                accepted,
                "{accept}"
            );
        }
    }

    #[test]
    fn tags_match_weakly() {
        for (known, matched) in [
            ("W/\"a-1\"", true),
            ("\"a-1\"", true),
            ("\"b\", W/\"a-1\"", true),
            ("*", true),
            ("\"a-2\"", false),
            ("a-1", false),
        ] {
            assert_eq!(matches(known, "W/\"a-1\""), matched, "{known}");
        }
    }
}
