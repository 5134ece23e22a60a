//! Who may ask, and what browsers are told.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use kafmesh_discover::config::{Access, Secret};

use crate::fixture::{Fixture, ask, get, get_with, mesh};

fn with_token(open_metrics: bool) -> Access {
    Access {
        token: Some(Secret::new("opensesame")),
        open_metrics,
        ..Access::default()
    }
}

#[tokio::test]
async fn a_token_opens_everything_and_health_is_open() {
    let router = Fixture::with(mesh(), with_token(false)).router();
    for path in [
        "/",
        "/api/v1/mesh",
        "/openapi.json",
        "/metrics",
        "/nowhere",
        "/api/v1/events",
    ] {
        let none = get(&router, path).await;
        assert_eq!(none.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(
            none.header("www-authenticate"),
            Some("Bearer realm=\"kafmesh-discover\"")
        );
        assert_eq!(none.json()["type"], "urn:kafmesh:problem:token");
        for wrong in [
            "Bearer opensesam",
            "Bearer opensesame2",
            "Basic opensesame",
            "opensesame",
        ] {
            let answer = get_with(&router, path, &[("authorization", wrong)]).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}: {wrong}");
        }
    }
    for path in ["/", "/api/v1/mesh", "/openapi.json", "/metrics"] {
        let answer = get_with(&router, path, &[("authorization", "bearer opensesame")]).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(get(&router, path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn metrics_are_open_by_configuration() {
    let router = Fixture::with(mesh(), with_token(true)).router();
    assert_eq!(get(&router, "/metrics").await.status, StatusCode::OK);
    assert_eq!(
        get(&router, "/api/v1/mesh").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn other_origins_may_read_nothing_unless_they_are_configured() {
    let origin = "https://map.example.com";
    let closed = Fixture::new(mesh()).router();
    let answer = get_with(&closed, "/api/v1/mesh", &[("origin", origin)]).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);

    let access = Access {
        cors_origins: vec![origin.to_owned()],
        ..with_token(false)
    };
    let router = Fixture::with(mesh(), access).router();
    // A browser asks first, without a token, and reads errors, too.
    let preflight = Request::builder()
        .method(Method::OPTIONS)
        .uri("/api/v1/mesh")
        .header("origin", origin)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization")
        .body(Body::empty())
        .unwrap();
    let preflight = ask(&router, preflight).await;
    assert_eq!(preflight.status, StatusCode::OK);
    let allowed = preflight.header("access-control-allow-headers").unwrap();
    assert!(allowed.contains("authorization"), "{allowed}");
    let denied = get_with(&router, "/api/v1/mesh", &[("origin", origin)]).await;
    assert_eq!(denied.status, StatusCode::UNAUTHORIZED);
    assert_eq!(denied.header("access-control-allow-origin"), Some(origin));
    let other = get_with(
        &router,
        "/api/v1/mesh",
        &[("origin", "https://evil.example")],
    )
    .await;
    assert_eq!(other.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn browsers_do_no_more_than_show_what_they_get() {
    let router = Fixture::new(mesh()).router();
    for path in ["/", "/api/v1/mesh", "/api/v1/topics/none"] {
        let answer = get(&router, path).await;
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(answer.header("cache-control").is_some());
    }
}

#[tokio::test]
async fn an_open_port_of_this_machine_answers_to_its_own_names_only() {
    let router = Fixture::new(mesh()).router();
    for host in [
        "localhost",
        "LocalHost:8080",
        "localhost.:8080",
        "map.localhost",
        "127.0.0.1:8080",
        "[::1]:8080",
        "10.1.2.3",
    ] {
        let answer = get_with(&router, "/api/v1/mesh", &[("host", host)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{host}");
    }
    // A page of evil.example, whose name leads here for a moment.
    for host in [
        "evil.example:8080",
        "localhost.evil.example",
        "evil-localhost",
        "127.0.0.1.evil.example",
        "not a host",
        "",
    ] {
        for path in ["/api/v1/mesh", "/health/ready", "/nowhere"] {
            let answer = get_with(&router, path, &[("host", host)]).await;
            assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
            assert_eq!(answer.json()["type"], "urn:kafmesh:problem:host");
        }
    }
    // As HTTP/2 and proxies name it.
    let path = "http://evil.example:8080/api/v1/mesh";
    let answer = get_with(&router, path, &[("host", "localhost")]).await;
    assert_eq!(answer.status, StatusCode::MISDIRECTED_REQUEST);
    let answer = get(&router, "http://localhost:8080/api/v1/mesh").await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_protected_port_and_one_of_the_network_answer_to_any_name() {
    let mut fixture = Fixture::new(mesh());
    fixture.parts.loopback = false;
    let host = ("host", "kafmesh-discover.prod.svc:8080");
    let answer = get_with(&fixture.router(), "/api/v1/mesh", &[host]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let router = Fixture::with(mesh(), with_token(false)).router();
    let token = ("authorization", "Bearer opensesame");
    let answer = get_with(&router, "/api/v1/mesh", &[host, token]).await;
    assert_eq!(answer.status, StatusCode::OK);
}
