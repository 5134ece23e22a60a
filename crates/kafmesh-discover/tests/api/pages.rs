//! Lists, page by page.

use axum::Router;
use axum::http::StatusCode;
use serde_json::Value;

use crate::fixture::{Fixture, get, mesh, pod, shop};
use crate::paths::{keys, node};

#[tokio::test]
async fn lists_come_in_pages() {
    let router = Fixture::new(mesh()).router();
    let all = get(&router, "/api/v1/nodes?limit=1000").await.json();
    let total = all["total"].as_u64().unwrap();
    let collected = in_pages(&router, "/api/v1/nodes", 3, |page| {
        assert_eq!(page["total"], total);
    })
    .await;
    assert_eq!(
        collected.iter().map(node).collect::<Vec<_>>(),
        keys(&all),
        "of nodes"
    );
    assert_eq!(collected.len() as u64, total);

    let topics = get(&router, "/api/v1/topics").await.json();
    assert!(keys(&topics).iter().all(|key| key.starts_with("Topic ")));
    let services = get(&router, "/api/v1/services").await.json();
    assert_eq!(services["total"], 2);
    let messages = get(&router, "/api/v1/nodes?label=Message").await.json();
    assert_eq!(messages, get(&router, "/api/v1/messages").await.json());
}

/// The items of a list, page by page.
async fn in_pages(
    router: &Router,
    list: &str,
    limit: usize,
    mut each: impl FnMut(&Value),
) -> Vec<Value> {
    let mut collected = Vec::new();
    let mut after = String::new();
    let with = if list.contains('?') { '&' } else { '?' };
    loop {
        let page = get(router, &format!("{list}{with}limit={limit}{after}")).await;
        assert_eq!(page.status, StatusCode::OK, "{list}: {}", page.text());
        let page = page.json();
        collected.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else {
            return collected;
        };
        after = format!("&after={next}");
        each(&page);
    }
}

#[tokio::test]
async fn every_list_comes_in_pages() {
    let router = Fixture::new(mesh()).router();
    for list in [
        "/api/v1/pods",
        "/api/v1/runs",
        "/api/v1/findings",
        "/api/v1/topics",
        "/api/v1/services/shop",
        "/api/v1/services/shop/components/orders/objects/processor/totals",
        "/api/v1/topics/prices",
        "/api/v1/kafka/topics",
        "/api/v1/search?q=o",
    ] {
        let whole = get(&router, list).await.json();
        let paged = in_pages(&router, list, 1, |_| {}).await;
        assert_eq!(whole["items"], Value::from(paged), "{list}");
    }
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat_what_stays() {
    let fixture = Fixture::new(mesh());
    let router = fixture.router();
    let shown = |names: &[&str]| {
        let pods = names.iter().map(|name| pod(name, "127.0.0.1:1", shop()));
        fixture.show(pods.collect());
    };
    shown(&["b", "d", "f", "h"]);
    let mut turn = 0;
    let pods = in_pages(&router, "/api/v1/pods", 1, |_| {
        turn += 1;
        match turn {
            // What is new before the page, what is gone with it.
            1 => shown(&["a", "b", "d", "f", "h"]),
            2 => shown(&["f", "h"]),
            _ => {}
        }
    })
    .await;
    let names: Vec<_> = pods.iter().map(|pod| &pod["pod"]["name"]).collect();
    assert_eq!(names, ["b", "d", "f", "h"]);
}
