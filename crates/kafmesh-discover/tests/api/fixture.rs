//! A small mesh, and an API about it.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use jiff::Timestamp;
use kafmesh_discover::api::{self, Parts};
use kafmesh_discover::config::Access;
use kafmesh_discover::dial::Dialer;
use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::actual::{Actual, ActualGroup, ActualTopic, Lag};
use kafmesh_discover::mesh::description::{
    Component, Description, Message, Output, Processor, Topic, TopicSettings, TopicUse, Worker,
};
use kafmesh_discover::mesh::pod::{
    Answer, Failure, FailureKind, Instance, Observed, Pod, PodKey, Pods,
};
use kafmesh_discover::mesh::run::{RunKind, ScrapeRun};
use kafmesh_discover::status::{Part, Statuses};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A name that is anything but a name.
pub(crate) const HOSTILE: &str = "a\"b\\c/d%e\n]-->}; subgraph end <b>&amp;`#\u{202e}é💥";

/// A mesh and the API about it.
pub(crate) struct Fixture {
    pub(crate) mesh: watch::Sender<Arc<Mesh>>,
    pub(crate) parts: Parts,
}

impl Fixture {
    pub(crate) fn new(mesh: Mesh) -> Self {
        Self::with(mesh, Access::default())
    }

    pub(crate) fn with(mesh: Mesh, access: Access) -> Self {
        let (mesh, receiver) = watch::channel(Arc::new(mesh));
        let statuses = Statuses::new([Part::Scrape]);
        statuses.working(Part::Scrape);
        let parts = Parts {
            mesh: receiver,
            dialer: Dialer::new(Duration::from_secs(5)),
            watch_token: None,
            access,
            loopback: true,
            statuses,
            metrics: Arc::new(|| "# EOF\n".to_owned()),
            stop: CancellationToken::new(),
        };
        Self { mesh, parts }
    }

    pub(crate) fn router(&self) -> Router {
        api::router(self.parts.clone())
    }

    /// Adds a scrape that found nothing new.
    pub(crate) fn scrape(&self) {
        let mut next = Mesh::clone(&self.mesh.borrow());
        let mut run = next.runs[0].clone();
        run.id = format!("run-{}", next.runs.len()).into();
        next.runs.push(run);
        self.mesh.send_replace(Arc::new(next));
    }

    /// Replaces the pods by others.
    pub(crate) fn show(&self, pods: Pods) {
        let last = self.mesh.borrow().clone();
        let next = Mesh::new(
            last.revision + 1,
            pods,
            last.actual.clone(),
            last.runs.clone(),
        );
        self.mesh.send_replace(Arc::new(next));
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.decoded()).expect("the body is JSON")
    }

    /// The body, unzipped where it says that it is zipped.
    pub(crate) fn decoded(&self) -> Vec<u8> {
        let mut decoded = Vec::new();
        match self.header("content-encoding") {
            None => decoded.extend_from_slice(&self.body),
            Some("gzip") => {
                let mut zipped = flate2::read::GzDecoder::new(&self.body[..]);
                zipped.read_to_end(&mut decoded).expect("the body is gzip");
            }
            Some(other) => panic!("nobody accepts {other}"),
        }
        decoded
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).expect("the body is text")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Response<Body> {
    match router.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

pub(crate) async fn ask(router: &Router, request: Request<Body>) -> Answered {
    read(send(router, request).await).await
}

pub(crate) async fn read(response: Response<Body>) -> Answered {
    let (head, body) = response.into_parts();
    Answered {
        status: head.status,
        headers: head.headers,
        body: to_bytes(body, usize::MAX).await.expect("the body is whole"),
    }
}

pub(crate) async fn get(router: &Router, path: &str) -> Answered {
    get_with(router, path, &[]).await
}

pub(crate) async fn get_with(router: &Router, path: &str, headers: &[(&str, &str)]) -> Answered {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    ask(router, request.body(Body::empty()).expect("a request")).await
}

/// `text` as a segment of a path or a value of a query.
pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

fn topic(topic: &str, message: &str) -> TopicUse {
    TopicUse {
        topic: topic.to_owned(),
        message: message.to_owned(),
    }
}

/// The service `shop`: takes orders, totals them, stores the totals.
pub(crate) fn shop() -> Description {
    Description {
        service: "shop".to_owned(),
        description: "Sells things.".to_owned(),
        components: vec![Component {
            name: "orders".to_owned(),
            description: "Orders and what they add up to.".to_owned(),
            sources: vec![topic("shop.orders", "orderId.order")],
            processors: vec![Processor {
                name: "totals".to_owned(),
                description: "Adds orders up by customer.".to_owned(),
                group: "shop-orders-totals".to_owned(),
                inputs: vec![topic("shop.orders", "orderId.order")],
                joins: vec![topic("crm.customers", "customerId.customer")],
                lookups: vec![topic("prices", "articleId.price")],
                outputs: vec![Output {
                    topic: "shop.totals".to_owned(),
                    message: "customerId.total".to_owned(),
                    description: "The new total.".to_owned(),
                }],
                persistence: Some(topic("shop.totals-state", "customerId.total")),
            }],
            sinks: vec![Worker {
                name: "warehouse".to_owned(),
                description: "Ships totals.".to_owned(),
                topic: "shop.totals".to_owned(),
                message: "customerId.total".to_owned(),
                group: "shop-orders-warehouse".to_owned(),
            }],
            views: vec![topic("prices", "articleId.price")],
            ..Component::default()
        }],
        messages: vec![Message {
            name: "orderId.order".to_owned(),
            message_type: "shop.Order".to_owned(),
        }],
        topics: vec![Topic {
            name: "shop.orders".to_owned(),
            settings: Some(TopicSettings {
                partitions: 6,
                replication: 3,
                ..TopicSettings::default()
            }),
        }],
    }
}

/// A service in which every name is [`HOSTILE`] or very long.
pub(crate) fn hostile() -> Description {
    let long = "x".repeat(10_000);
    Description {
        service: HOSTILE.to_owned(),
        description: HOSTILE.to_owned(),
        components: vec![Component {
            name: HOSTILE.to_owned(),
            description: HOSTILE.to_owned(),
            processors: vec![Processor {
                name: HOSTILE.to_owned(),
                inputs: vec![topic(HOSTILE, HOSTILE), topic(&long, &long)],
                joins: vec![topic("crm.customers", "customerId.customer")],
                ..Processor::default()
            }],
            ..Component::default()
        }],
        ..Description::default()
    }
}

/// A pod that answered with `description`.
pub(crate) fn pod(name: &str, address: &str, description: Description) -> (PodKey, Arc<Observed>) {
    let key = PodKey::new("prod", name);
    let observed = Observed {
        pod: Pod {
            key: key.clone(),
            namespace: Some("prod".to_owned()),
            name: name.to_owned(),
            uid: Some(format!("uid-of-{name}")),
            address: address.to_owned(),
            tls: false,
            node: Some("node-1".to_owned()),
            version: Some("1.2.3".to_owned()),
        },
        answer: Some(Answer {
            at: Timestamp::UNIX_EPOCH,
            instance: Instance {
                name: name.to_owned(),
                kafmesh_version: "0.1.0".to_owned(),
                started_at: Some(Timestamp::UNIX_EPOCH),
                watch: true,
            },
            description: Arc::new(description),
        }),
        failure: None,
    };
    (key, Arc::new(observed))
}

/// `pod`, when it did not answer last time.
pub(crate) fn failed((key, pod): (PodKey, Arc<Observed>)) -> (PodKey, Arc<Observed>) {
    let failure = Failure {
        since: Timestamp::UNIX_EPOCH,
        kind: FailureKind::Unreachable,
        message: "nobody listens".to_owned(),
    };
    let pod = Observed {
        failure: Some(failure),
        ..(*pod).clone()
    };
    (key, Arc::new(pod))
}

/// A mesh with everything in it.
pub(crate) fn mesh() -> Mesh {
    let pods = Pods::from([
        pod("shop-1", "127.0.0.1:1", shop()),
        failed(pod("shop-2", "127.0.0.1:2", shop())),
        pod("hostile-1", "127.0.0.1:3", hostile()),
    ]);
    let actual = Actual {
        at: Timestamp::UNIX_EPOCH,
        failing_since: None,
        missing_topics: ["shop.totals".to_owned()].into(),
        missing_groups: [].into(),
        topics: [(
            "shop.orders".to_owned(),
            ActualTopic {
                partitions: 6,
                replication: 3,
                end: Some(42),
                with_records: 6,
                unknown: 0,
            },
        )]
        .into(),
        groups: [(
            "shop-orders-totals".to_owned(),
            ActualGroup {
                state: "Stable".to_owned(),
                members: Some(2),
                lag: Some(
                    [(
                        "shop.orders".to_owned(),
                        Lag {
                            records: 7,
                            ..Lag::default()
                        },
                    )]
                    .into(),
                ),
            },
        )]
        .into(),
    };
    let runs = (0..3).map(|run| ScrapeRun {
        id: format!("run-{run}").into(),
        started: Timestamp::UNIX_EPOCH,
        ended: Timestamp::UNIX_EPOCH,
        kind: RunKind::Full,
        asked: 3,
        answered: 2,
        failed: 1,
        observed: Arc::new([]),
    });
    Mesh::new(7, pods, Some(Arc::new(actual)), runs.collect())
}
