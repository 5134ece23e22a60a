//! What requests ask of responses in their headers: a media type, a coding, a change since last time.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::access::OPEN;
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

/// Leaves to the rest one of the codings that the client accepts: `gzip` or `identity`. Answers 406 when
/// it accepts neither.
pub(super) async fn choose_coding(mut request: Request, next: Next) -> Response {
    let accepted = joined(request.headers(), header::ACCEPT_ENCODING);
    let coding = match accepted.as_deref().map(coding) {
        None => "identity",
        Some(Some(coding)) => coding,
        Some(None) if is_health(&request) => "identity",
        Some(None) => {
            let detail =
                "this is served as gzip or as it is, and `accept-encoding` leaves out both";
            let problem = Problem::new(Kind::NotAcceptable, detail);
            return problem.at(request.uri().path()).into_response();
        }
    };
    let chosen = HeaderValue::from_static(coding);
    request
        .headers_mut()
        .insert(header::ACCEPT_ENCODING, chosen);
    next.run(request).await
}

/// Answers 406 when the client accepts another media type only, and 304 when it has the response
/// already.
pub(super) async fn negotiate(request: Request, next: Next) -> Response {
    if is_health(&request) {
        return next.run(request).await;
    }
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

/// Whether it is a probe, which wants to know the status and takes whatever comes with it.
fn is_health(request: &Request) -> bool {
    OPEN.contains(&request.uri().path())
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
            decided = (specific, weight(range) > 0.0);
        }
    }
    decided.1 || !any
}

fn essence(media: &str) -> &str {
    media.split(';').next().unwrap_or_default().trim()
}

/// How much the client wants something; 0 when not at all.
fn weight(range: &str) -> f32 {
    let weights = range.split(';').skip(1).filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_weight = name.trim().eq_ignore_ascii_case("q");
        is_weight.then(|| value.trim().parse().ok())?
    });
    weights.last().unwrap_or(1.0)
}

/// The coding that `Accept-Encoding: ACCEPTED` prefers of those there are; `None` when it leaves out
/// both (RFC 9110, 12.5.3).
fn coding(accepted: &str) -> Option<&'static str> {
    let weight_of = |coding: &str| {
        let mut ranges = accepted.split(',');
        let range = ranges.find(|range| essence(range).eq_ignore_ascii_case(coding));
        range.map(weight)
    };
    let any = weight_of("*");
    let gzip = weight_of("gzip").or(any).unwrap_or(0.0);
    // What is not named is accepted as it is, and liked less than what is named.
    let identity = weight_of("identity");
    if gzip > 0.0 && gzip >= identity.unwrap_or(0.0) {
        return Some("gzip");
    }
    (identity.or(any).unwrap_or(1.0) > 0.0).then_some("identity")
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
    fn the_preferred_coding_is_chosen() {
        for (accepted, chosen) in [
            ("", Some("identity")),
            ("gzip", Some("gzip")),
            ("br, GZIP;q=0.8", Some("gzip")),
            ("gzip;q=0", Some("identity")),
            ("gzip;q=0.5, identity", Some("identity")),
            ("br", Some("identity")),
            ("*", Some("gzip")),
            ("*;q=0, gzip", Some("gzip")),
            ("*;q=0, identity;q=0.1", Some("identity")),
            ("identity;q=0, br", None),
            ("*;q=0", None),
        ] {
            assert_eq!(coding(accepted), chosen, "{accepted}");
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
