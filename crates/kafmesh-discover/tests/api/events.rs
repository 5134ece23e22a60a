//! Changes as server-sent events.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::{Request, Response};
use futures_util::StreamExt;
use kafmesh_discover::mesh::pod::Pods;
use serde_json::Value;
use tokio::time::timeout;

use crate::fixture::{Fixture, get, mesh, pod, send, shop};

/// An event of a stream.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Event {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) data: Value,
}

/// A stream of events, as a browser reads it.
pub(crate) struct Events {
    body: BodyDataStream,
    text: String,
}

impl Events {
    pub(crate) async fn open(router: &Router, path: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(path).header("accept-encoding", "gzip");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Self::of(send(router, request.body(Body::empty()).unwrap()).await)
    }

    pub(crate) fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert!(!response.headers().contains_key("content-encoding"));
        Self {
            body: response.into_body().into_data_stream(),
            text: String::new(),
        }
    }

    /// The next event; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let mut read = Event::default();
                for line in event.lines() {
                    match line.split_once(": ") {
                        Some(("event", name)) => read.name = name.to_owned(),
                        Some(("id", id)) => read.id = id.to_owned(),
                        Some(("data", data)) => read.data = serde_json::from_str(data).unwrap(),
                        _ => {}
                    }
                }
                self.text = rest.to_owned();
                // Comments keep the connection open.
                if !read.name.is_empty() {
                    return Some(read);
                }
                continue;
            }
            let chunk = timeout(Duration::from_secs(60), self.body.next()).await;
            let chunk = chunk.expect("an event within a minute")?.unwrap();
            self.text.push_str(str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn changes_arrive_as_they_happen() {
    let fixture = Fixture::new(mesh());
    let router = fixture.router();
    let mut events = Events::open(&router, "/api/v1/events", None).await;
    let hello = events.next().await.unwrap();
    assert_eq!(hello.name, "hello");
    assert_eq!(hello.data["revision"], 7);

    // A component more, and the stale pod gone.
    let mut more = shop();
    more.components[0].sources.clear();
    more.components[0].description = "Changed.".to_owned();
    fixture.show(Pods::from([pod("shop-1", "127.0.0.1:1", more)]));
    let change = events.next().await.unwrap();
    assert_eq!(change.name, "change");
    assert_eq!(change.data["revision"], 8);
    let has = |list: &str, label: &str, key: &str| {
        let list = change.data["nodes"][list].as_array().unwrap();
        list.iter()
            .any(|node| node["label"] == label && node["key"] == key)
    };
    assert!(has("removed", "Pod", "prod/shop-2"), "{change:?}");
    assert!(has("changed", "Component", "shop/orders"), "{change:?}");
    assert!(
        has("removed", "Source", "shop/orders/source/shop.orders"),
        "{change:?}"
    );
    assert!(
        !has("changed", "Sink", "shop/orders/sink/warehouse"),
        "{change:?}"
    );
    assert!(
        !change.data["edges"]["removed"]
            .as_array()
            .unwrap()
            .is_empty()
    );
    assert_eq!(change.data["truncated"], false);
}

#[tokio::test]
async fn a_client_that_returns_is_told_what_it_missed() {
    let fixture = Fixture::new(mesh());
    let router = fixture.router();
    let mut events = Events::open(&router, "/api/v1/events", None).await;
    let last = events.next().await.unwrap().id;
    drop(events);

    for n in 0..3 {
        fixture.show(Pods::from([pod(
            &format!("shop-{n}"),
            "127.0.0.1:1",
            shop(),
        )]));
        // Each is noted by itself.
        let mut all = Events::open(&router, "/api/v1/events", Some(&last)).await;
        for _ in 0..=n {
            assert_eq!(all.next().await.unwrap().name, "change");
        }
    }
    let mut events = Events::open(&router, "/api/v1/events", Some(&last)).await;
    let mut revisions = Vec::new();
    for _ in 0..3 {
        let event = events.next().await.unwrap();
        assert_eq!(event.name, "change");
        revisions.push(event.data["revision"].as_u64().unwrap());
    }
    assert_eq!(revisions, [8, 9, 10]);
}

#[tokio::test]
async fn what_changes_nothing_is_no_event() {
    let fixture = Fixture::new(mesh());
    let router = fixture.router();
    let mut events = Events::open(&router, "/api/v1/events", None).await;
    let first = events.next().await.unwrap().id;
    let shown = |name: &str| fixture.show(Pods::from([pod(name, "127.0.0.1:1", shop())]));
    // Scrapes that find nothing new, and a revision in which no node is another.
    for _ in 0..3 {
        fixture.scrape();
        tokio::task::yield_now().await;
    }
    shown("shop-1");
    let change = events.next().await.unwrap();
    assert_eq!(change.data["revision"], 8);
    fixture.scrape();
    tokio::task::yield_now().await;
    shown("shop-1");
    tokio::task::yield_now().await;
    shown("shop-2");
    let change = events.next().await.unwrap();
    assert_eq!(change.data["revision"], 10);

    let mut missed = Events::open(&router, "/api/v1/events", Some(&first)).await;
    for revision in [8, 10] {
        let event = missed.next().await.unwrap();
        assert_eq!(event.name, "change");
        assert_eq!(event.data["revision"], revision);
        assert_eq!(event.data["truncated"], false);
    }
    // Nothing is left of them but what comes next.
    shown("shop-3");
    assert_eq!(missed.next().await.unwrap().data["revision"], 11);
    let mut none = Events::open(&router, "/api/v1/events", Some(&change.id)).await;
    assert_eq!(none.next().await.unwrap().data["revision"], 11);
}

#[tokio::test]
async fn a_client_that_missed_too_much_begins_anew() {
    let fixture = Fixture::new(mesh());
    let router = fixture.router();
    let first = Events::open(&router, "/api/v1/events", None)
        .await
        .next()
        .await
        .unwrap()
        .id;
    let mut follower = Events::open(&router, "/api/v1/events", None).await;
    follower.next().await.unwrap();
    for n in 0..300 {
        fixture.show(Pods::from([pod(
            &format!("shop-{n}"),
            "127.0.0.1:1",
            shop(),
        )]));
        while follower.next().await.unwrap().data["revision"] != 8 + n {}
    }
    for last in [&*first, "another-7", "nonsense", ""] {
        let mut events = Events::open(&router, "/api/v1/events", Some(last)).await;
        let reset = events.next().await.unwrap();
        assert_eq!(reset.name, "reset", "{last}");
        assert_eq!(reset.data["revision"], 307);
    }
}

#[tokio::test]
async fn a_change_of_everything_names_a_part() {
    let fixture = Fixture::new(mesh());
    let router = fixture.router();
    let mut events = Events::open(&router, "/api/v1/events", None).await;
    events.next().await.unwrap();
    let pods = (0..1500).map(|n| pod(&format!("more-{n}"), "127.0.0.1:1", shop()));
    fixture.show(pods.collect());
    let change = events.next().await.unwrap();
    assert_eq!(change.data["truncated"], true);
    assert!(change.data["nodes"]["added"].as_array().unwrap().len() <= 1000);
}

#[tokio::test]
async fn streams_are_bounded_and_end_with_the_program() {
    let fixture = Fixture::new(mesh());
    let router = fixture.router();
    let mut open = Vec::new();
    for _ in 0..256 {
        open.push(Events::open(&router, "/api/v1/events", None).await);
    }
    let refused = get(&router, "/api/v1/events").await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert_eq!(refused.json()["type"], "urn:kafmesh:problem:streams");
    open.pop();
    let mut last = Events::open(&router, "/api/v1/events", None).await;
    assert_eq!(last.next().await.unwrap().name, "hello");

    fixture.parts.stop.cancel();
    assert_eq!(last.next().await, None);
}
