//! What each path answers.

use std::sync::Arc;

use axum::http::StatusCode;
use kafmesh_discover::mesh::actual::{Actual, Unread};
use kafmesh_discover::status::{Part, Statuses};
use serde_json::{Value, json};

use crate::fixture::{Fixture, HOSTILE, encoded, get, mesh};

pub(crate) fn keys(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(node).collect()
}

/// What the node of an item is.
pub(crate) fn node(item: &Value) -> String {
    let node = if item["node"].is_null() {
        item
    } else {
        &item["node"]
    };
    let text = |name: &str| node[name].as_str().unwrap().to_owned();
    format!("{} {}", text("label"), text("key"))
}

#[tokio::test]
async fn the_mesh_is_a_tree_with_edges() {
    let router = Fixture::new(mesh()).router();
    let answer = get(&router, "/api/v1/mesh").await;
    assert_eq!(answer.status, StatusCode::OK);
    let mesh = answer.json();
    assert_eq!(mesh["revision"], 7);
    let services = mesh["services"].as_array().unwrap();
    assert_eq!(services.len(), 2);
    let shop = services.iter().find(|one| one["key"] == "shop").unwrap();
    let component = &shop["components"][0];
    assert_eq!(component["key"], "shop/orders");
    let objects: Vec<_> = component["objects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| object["label"].as_str().unwrap())
        .collect();
    assert_eq!(objects, ["Source", "Processor", "Sink", "View"]);
    let edges = mesh["edges"].as_array().unwrap();
    let join = edges.iter().find(|edge| {
        edge["role"] == "join" && edge["from"]["key"] == "shop/orders/processor/totals"
    });
    assert_eq!(
        join.unwrap()["to"],
        json!({"label": "Topic", "key": "crm.customers"})
    );
}

#[tokio::test]
async fn a_node_comes_with_its_neighbours() {
    let router = Fixture::new(mesh()).router();
    for (path, label, neighbours) in [
        (
            "/api/v1/services/shop",
            "Service",
            vec!["Component shop/orders", "Pod prod/shop-1"],
        ),
        (
            "/api/v1/services/shop/components/orders",
            "Component",
            vec!["Service shop", "Processor shop/orders/processor/totals"],
        ),
        (
            "/api/v1/services/shop/components/orders/objects/processor/totals",
            "Processor",
            vec![
                "Topic crm.customers",
                "Topic shop.totals-state",
                "Pod prod/shop-1",
            ],
        ),
        (
            "/api/v1/topics/shop.orders",
            "Topic",
            vec![
                "Processor shop/orders/processor/totals",
                "Message orderId.order",
            ],
        ),
        (
            "/api/v1/messages/orderId.order",
            "Message",
            vec!["Topic shop.orders"],
        ),
    ] {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text());
        let detail = answer.json();
        assert_eq!(detail["node"]["label"], label, "{path}");
        let found = keys(&detail);
        for neighbour in neighbours {
            assert!(
                found.iter().any(|key| key == neighbour),
                "{path}: {found:?}"
            );
        }
    }
}

#[tokio::test]
async fn names_are_found_whatever_they_hold() {
    let router = Fixture::new(mesh()).router();
    let hostile = encoded(HOSTILE);
    for path in [
        format!("/api/v1/services/{hostile}"),
        format!("/api/v1/services/{hostile}/components/{hostile}"),
        format!("/api/v1/services/{hostile}/components/{hostile}/objects/processor/{hostile}"),
        format!("/api/v1/topics/{hostile}"),
        format!("/api/v1/topics/{}", "x".repeat(10_000)),
        format!("/api/v1/messages/{hostile}"),
    ] {
        let answer = get(&router, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    }
}

#[tokio::test]
async fn pods_tell_versions_and_failures() {
    let router = Fixture::new(mesh()).router();
    let pods = get(&router, "/api/v1/pods?service=shop").await.json();
    assert_eq!(pods["total"], 2);
    assert_eq!(pods["items"][0]["state"], "current");
    assert_eq!(pods["items"][0]["pod"]["version"], "1.2.3");
    assert_eq!(pods["items"][1]["state"], "stale");
    assert_eq!(pods["items"][1]["failure"]["kind"], "unreachable");
    let stale = get(&router, "/api/v1/pods?state=stale").await.json();
    assert_eq!(stale["total"], 1);

    let pod = get(&router, "/api/v1/pods/prod/shop-1").await.json();
    assert_eq!(pod["description"]["service"], "shop");
    assert_eq!(pod["instance"]["kafmeshVersion"], "0.1.0");
}

#[tokio::test]
async fn the_last_scrape_comes_first() {
    let router = Fixture::new(mesh()).router();
    let answer = get(&router, "/api/v1/runs?limit=2").await;
    // Runs come and go without a new revision.
    assert_eq!(answer.header("etag"), None);
    let runs = answer.json();
    assert_eq!(runs["items"][0]["id"], "run-2");
    assert_eq!(runs["items"][1]["id"], "run-1");
    assert!(runs["next"].is_string());
}

#[tokio::test]
async fn data_is_followed_in_both_directions() {
    let router = Fixture::new(mesh()).router();
    let reached = async |direction: &str, query: &str| {
        let answer = get(&router, &format!("/api/v1/{direction}?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let view = answer.json();
        let nodes = view["nodes"].as_array().unwrap().iter();
        nodes
            .map(|node| {
                let (key, depth) = (&node["node"]["key"], &node["depth"]);
                format!("{} {depth}", key.as_str().unwrap())
            })
            .collect::<Vec<_>>()
    };
    let near = reached("downstream", "label=Topic&key=shop.orders&depth=1").await;
    assert_eq!(near, ["shop/orders/processor/totals 1"]);
    let far = reached("downstream", "label=Topic&key=shop.orders&depth=9").await;
    assert!(
        far.contains(&"shop/orders/sink/warehouse 3".to_owned()),
        "{far:?}"
    );
    let up = reached("upstream", "label=Topic&key=shop.totals").await;
    assert!(up.contains(&"crm.customers 2".to_owned()), "{up:?}");
    let service = reached("upstream", "label=Service&key=shop&depth=1").await;
    assert!(service.contains(&"prices 1".to_owned()), "{service:?}");
}

#[tokio::test]
async fn kafka_is_shown_where_it_is_configured() {
    let router = Fixture::new(mesh()).router();
    let topics = get(&router, "/api/v1/kafka/topics").await.json();
    assert_eq!(topics["items"][0]["name"], "shop.orders");
    assert_eq!(topics["items"][0]["end"], 42);
    let groups = get(&router, "/api/v1/kafka/groups").await.json();
    assert_eq!(groups["items"][0]["lag"]["shop.orders"]["records"], 7);
    assert_eq!(groups["items"][0]["at"], "1970-01-01T00:00:00Z");
    assert_eq!(groups["items"][0]["stale"], false);
    let whole = get(&router, "/api/v1/mesh").await.json();
    assert_eq!(whole["groups"][0]["properties"]["declared"], true);
    let edges = whole["edges"].as_array().unwrap().iter();
    let behind = edges.filter(|edge| edge["properties"]["lag"] == 7);
    let relations: Vec<_> = behind.map(|edge| &edge["relation"]).collect();
    assert_eq!(relations, ["READS", "CONSUMES"]);

    let mut away = mesh();
    let mut actual = Actual::clone(away.actual.as_deref().unwrap());
    actual.failing_since = Some(actual.at);
    away.actual = Some(Arc::new(actual));
    let router = Fixture::new(away).router();
    let topics = get(&router, "/api/v1/kafka/topics").await.json();
    assert_eq!(topics["items"][0]["stale"], true);

    let mut without = mesh();
    without.actual = None;
    let router = Fixture::new(without).router();
    let answer = get(&router, "/api/v1/kafka/topics").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.json()["type"], "urn:kafmesh:problem:not-configured");
}

#[tokio::test]
async fn a_kafka_that_was_not_read_yet_is_said_to_be() {
    let mut waiting = mesh();
    waiting.actual = None;
    waiting.unread = Some(Unread::default());
    let mut fixture = Fixture::new(waiting);
    fixture.parts.statuses = Statuses::new([Part::Scrape, Part::Kafka]);
    let router = fixture.router();
    let asked = async |path: &str| {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(answer.header("retry-after"), Some("5"));
        let problem = answer.json();
        assert_eq!(problem["type"], "urn:kafmesh:problem:not-read");
        problem["detail"].as_str().unwrap().to_owned()
    };
    let first = asked("/api/v1/kafka/groups").await;
    assert!(first.contains("for the first time"), "{first}");
    let statuses = &fixture.parts.statuses;
    statuses.failing(Part::Kafka, "nobody listens at kafka:9092");
    let failing = asked("/api/v1/kafka/topics").await;
    assert!(
        failing.contains("nobody listens at kafka:9092"),
        "{failing}"
    );
}

#[tokio::test]
async fn findings_are_told_by_severity_and_kind() {
    let router = Fixture::new(mesh()).router();
    let all = get(&router, "/api/v1/findings").await.json();
    let items = all["items"].as_array().unwrap();
    let missing = items.iter().find(|one| one["subject"] == "shop.totals");
    assert_eq!(missing.unwrap()["kind"], "missing-topic");
    let kind = get(
        &router,
        "/api/v1/findings?kind=missing-topic&severity=error",
    )
    .await;
    let kind = kind.json();
    let kinds = kind["items"].as_array().unwrap().iter();
    assert!(
        kinds
            .map(|one| &one["kind"])
            .all(|kind| kind == "missing-topic")
    );
    assert!(kind["total"].as_u64() < all["total"].as_u64());
    let none = get(
        &router,
        "/api/v1/findings?kind=missing-topic&severity=notice",
    )
    .await;
    assert_eq!(none.json()["total"], 0);
}

#[tokio::test]
async fn health_and_metrics_and_the_first_page() {
    let fixture = Fixture::new(mesh());
    let router = fixture.router();
    assert_eq!(get(&router, "/health/live").await.text(), "ok\n");
    assert_eq!(get(&router, "/health/ready").await.json()["ready"], true);
    assert_eq!(get(&router, "/metrics").await.text(), "# EOF\n");
    let page = get(&router, "/").await;
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    for link in page.text().split("href=\"").skip(1) {
        let (link, _) = link.split_once('"').unwrap();
        if link != "/api/v1/events" {
            assert_eq!(get(&router, link).await.status, StatusCode::OK, "{link}");
        }
    }

    let description = get(&router, "/openapi.json").await.json();
    for path in description["paths"].as_object().unwrap().keys() {
        let is_named = page.text().contains(path);
        assert!(
            is_named || path.contains('{'),
            "{path} is not on the first page"
        );
    }

    let mut parts = fixture.parts.clone();
    parts.statuses = kafmesh_discover::status::Statuses::default();
    let starting = kafmesh_discover::api::router(parts);
    let answer = get(&starting, "/health/ready").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.json()["why"].is_string());
}
