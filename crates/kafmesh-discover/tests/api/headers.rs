//! What requests ask for in their headers, and what is wrong with requests.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use crate::fixture::{Fixture, ask, get, get_with, mesh};

#[tokio::test]
async fn mistakes_are_problem_details() {
    let router = Fixture::new(mesh()).router();
    for (path, status, kind) in [
        ("/api/v1/topics/none", 404, "unknown"),
        ("/api/v2/mesh", 404, "path"),
        ("/api/v1/nodes?limit=0", 400, "parameter"),
        ("/api/v1/nodes?limit=many", 400, "parameter"),
        ("/api/v1/nodes?limit=1&limit=2", 400, "parameter"),
        ("/api/v1/nodes?lable=Topic", 400, "parameter"),
        ("/api/v1/nodes?after=shop", 400, "parameter"),
        ("/api/v1/nodes?offset=0", 400, "parameter"),
        ("/api/v1/mesh?label=Topic", 400, "parameter"),
        ("/api/v1/pods/prod/shop-1?state=stale", 400, "parameter"),
        ("/api/v1/events?since=7", 400, "parameter"),
        ("/api/v1/search?q=a+b+c+d+e+f+g+h+i+j+k", 400, "parameter"),
        ("/api/v1/nodes?label=Nothing", 400, "parameter"),
        ("/api/v1/search", 400, "parameter"),
        ("/api/v1/search?q=+", 400, "parameter"),
        ("/api/v1/topics/%FF", 400, "parameter"),
        ("/api/v1/exports/mesh.dot?label=Topic", 400, "parameter"),
        (
            "/api/v1/exports/mesh.dot?label=Topic&key=none",
            404,
            "unknown",
        ),
        (
            "/api/v1/services/shop/components/orders/objects/robot/r",
            400,
            "parameter",
        ),
        (
            "/api/v1/services/shop/components/orders/processors/none/watch",
            404,
            "unknown",
        ),
    ] {
        for headers in [&[][..], &[("accept-encoding", "gzip")]] {
            let answer = get_with(&router, path, headers).await;
            assert_eq!(answer.status, status, "{path}: {:?}", answer.body);
            assert_eq!(
                answer.header("content-type"),
                Some("application/problem+json")
            );
            let problem = answer.json();
            assert_eq!(
                problem["type"],
                format!("urn:kafmesh:problem:{kind}"),
                "{path}"
            );
            assert_eq!(problem["status"], status);
            assert_eq!(problem["instance"], path.split('?').next().unwrap());
            assert!(!problem["detail"].as_str().unwrap().is_empty());
        }
    }

    let request = Request::post("/api/v1/mesh").body(Body::empty()).unwrap();
    let answer = ask(&router, request).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), Some("GET,HEAD"));
    assert_eq!(answer.json()["type"], "urn:kafmesh:problem:method");

    let long = get_with(&router, "/api/v1/mesh", &[("content-length", "1000000")]).await;
    assert_eq!(long.status, StatusCode::PAYLOAD_TOO_LARGE);
    let html = get_with(&router, "/api/v1/mesh", &[("accept", "text/html")]).await;
    assert_eq!(html.status, StatusCode::NOT_ACCEPTABLE);
    assert_eq!(html.json()["instance"], "/api/v1/mesh");
    let brotli = [("accept-encoding", "identity;q=0, br")];
    for path in ["/api/v1/mesh", "/api/v1/topics/none"] {
        let answer = get_with(&router, path, &brotli).await;
        assert_eq!(answer.status, StatusCode::NOT_ACCEPTABLE);
        let problem = answer.json();
        assert_eq!(problem["type"], "urn:kafmesh:problem:not-acceptable");
        assert_eq!(problem["instance"], path);
    }
}

#[tokio::test]
async fn probes_take_whatever_comes() {
    let router = Fixture::new(mesh()).router();
    let picky = [
        ("accept", "application/json"),
        ("accept-encoding", "identity;q=0"),
    ];
    for path in ["/health/live", "/health/ready"] {
        let answer = get_with(&router, path, &picky).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_known_revision_is_not_sent_again() {
    let fixture = Fixture::new(mesh());
    let router = fixture.router();
    for path in ["/api/v1/mesh", "/api/v1/topics", "/api/v1/exports/mesh.dot"] {
        let first = get(&router, path).await;
        let tag = first.header("etag").unwrap().to_owned();
        let again = get_with(&router, path, &[("if-none-match", &tag)]).await;
        assert_eq!(again.status, StatusCode::NOT_MODIFIED, "{path}");
        assert!(again.body.is_empty());
        assert_eq!(again.header("etag"), Some(&*tag));
        // A mistake stays one.
        let wrong = format!("{path}?nonsense=1");
        let wrong = get_with(&router, &wrong, &[("if-none-match", "*")]).await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    }
    let tag = get(&router, "/api/v1/mesh")
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    fixture.show(Default::default());
    let changed = get_with(&router, "/api/v1/mesh", &[("if-none-match", &tag)]).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(changed.json()["services"], json!([]));
}

#[tokio::test]
async fn answers_are_compressed_for_who_accepts_it() {
    let router = Fixture::new(mesh()).router();
    for path in ["/api/v1/mesh", "/api/v1/nodes"] {
        let plain = get(&router, path).await;
        assert_eq!(plain.header("content-encoding"), None);
        let zipped = get_with(&router, path, &[("accept-encoding", "br, gzip;q=0.8")]).await;
        assert_eq!(zipped.header("content-encoding"), Some("gzip"), "{path}");
        assert!(zipped.header("vary").unwrap().contains("accept-encoding"));
        assert_eq!(zipped.decoded(), plain.body);
        let refused = get_with(&router, path, &[("accept-encoding", "gzip;q=0")]).await;
        assert_eq!(refused.header("content-encoding"), None);
    }
}

#[tokio::test]
async fn head_tells_what_get_would() {
    let router = Fixture::new(mesh()).router();
    for path in [
        "/api/v1/mesh",
        "/api/v1/topics",
        "/api/v1/topics/none",
        "/metrics",
    ] {
        let get = get(&router, path).await;
        let request = Request::head(path).body(Body::empty()).unwrap();
        let head = ask(&router, request).await;
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{path}"
        );
        assert_eq!(head.header("etag"), get.header("etag"));
        assert!(head.body.is_empty(), "{path}");
    }
}
