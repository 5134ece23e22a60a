//! A processor's operations, merged over the pods it runs in.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::Stream;
use kafmesh_discover::mesh::pod::Pods;
use kafmesh_proto::watch::v1::action::Action as Shown;
use kafmesh_proto::watch::v1::watch_api_server::{WatchApi, WatchApiServer};
use kafmesh_proto::watch::v1::{
    Action, Input, Operation, Output, ProcessorRequest, ProcessorResponse,
};
use prost::Message as _;
use tokio::sync::{broadcast, watch};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{BroadcastStream, TcpListenerStream};
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::events::{Event, Events};
use crate::fixture::{Fixture, get, mesh, pod, shop};

pub(crate) const PATH: &str = "/api/v1/services/shop/components/orders/processors/totals/watch";

/// A pod whose processor can be watched.
#[derive(Clone)]
pub(crate) struct Pod {
    pub(crate) address: SocketAddr,
    pub(crate) operations: broadcast::Sender<ProcessorResponse>,
    /// How many watch now.
    watchers: watch::Sender<usize>,
    asked: Arc<AtomicUsize>,
    /// The tokens that it was given.
    pub(crate) given: Arc<Mutex<Vec<String>>>,
    token: Option<&'static str>,
    disabled: bool,
}

struct Watching(watch::Sender<usize>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.send_modify(|watchers| *watchers -= 1);
    }
}

#[tonic::async_trait]
impl WatchApi for Pod {
    type ProcessorStream = Pin<Box<dyn Stream<Item = Result<ProcessorResponse, Status>> + Send>>;

    async fn processor(
        &self,
        request: Request<ProcessorRequest>,
    ) -> Result<Response<Self::ProcessorStream>, Status> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.disabled {
            return Err(Status::unimplemented("watch is off"));
        }
        let given = request.metadata().get("authorization");
        if let Some(given) = given {
            let given = given.to_str().unwrap().to_owned();
            self.given.lock().unwrap().push(given);
        }
        if let Some(token) = self.token
            && given.is_none_or(|given| given != token)
        {
            return Err(Status::unauthenticated("a token is needed"));
        }
        let request = request.into_inner();
        assert_eq!(
            (&*request.component, &*request.processor),
            ("orders", "totals")
        );
        self.watchers.send_modify(|watchers| *watchers += 1);
        let watching = Watching(self.watchers.clone());
        let operations = BroadcastStream::new(self.operations.subscribe());
        let operations = operations.map(move |operation| {
            let _ = &watching;
            operation.map_err(|_| Status::data_loss("the test is too slow"))
        });
        Ok(Response::new(Box::pin(operations)))
    }
}

impl Pod {
    pub(crate) async fn start(token: Option<&'static str>, disabled: bool) -> Self {
        Self::serve(token, disabled, Server::builder()).await
    }

    pub(crate) async fn serve(
        token: Option<&'static str>,
        disabled: bool,
        mut server: Server,
    ) -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let pod = Self {
            address: socket.local_addr().unwrap(),
            operations: broadcast::Sender::new(4096),
            watchers: watch::Sender::new(0),
            asked: Arc::default(),
            given: Arc::default(),
            token,
            disabled,
        };
        let server = server
            .add_service(WatchApiServer::new(pod.clone()))
            .serve_with_incoming(TcpListenerStream::new(socket));
        tokio::spawn(server);
        pod
    }

    fn operate(&self, offset: i64, value: String) {
        let operation = Operation {
            input: Some(Input {
                topic: "shop.orders".to_owned(),
                offset,
                value,
                ..Input::default()
            }),
            ..Operation::default()
        };
        let response = ProcessorResponse {
            operation: Some(operation),
            lost: 0,
        };
        self.operations.send(response).unwrap();
    }

    async fn watched_by(&self, count: usize) {
        let mut watchers = self.watchers.subscribe();
        watchers
            .wait_for(|watchers| *watchers == count)
            .await
            .unwrap();
    }
}

pub(crate) fn pods<const N: usize>(pods: [(&str, &Pod); N]) -> Pods {
    pods.into_iter()
        .map(|(name, running)| pod(name, &running.address.to_string(), shop()))
        .collect()
}

pub(crate) async fn next(events: &mut Events, name: &str) -> Event {
    let event = events.next().await.unwrap();
    assert_eq!(event.name, name, "{event:?}");
    event
}

#[tokio::test]
async fn operations_of_all_pods_are_merged_while_pods_come_and_go() {
    let (one, two) = (Pod::start(None, false).await, Pod::start(None, false).await);
    let fixture = Fixture::new(mesh());
    fixture.show(pods([("one", &one)]));
    let router = fixture.router();
    let mut events = Events::open(&router, PATH, None).await;
    assert_eq!(next(&mut events, "joined").await.data["pod"], "prod/one");
    one.operate(1, "{}".to_owned());
    let operation = next(&mut events, "operation").await.data;
    assert_eq!(operation["pod"], "prod/one");
    assert_eq!(operation["input"]["offset"], 1);

    fixture.show(pods([("one", &one), ("two", &two)]));
    assert_eq!(next(&mut events, "joined").await.data["pod"], "prod/two");
    two.operate(2, String::new());
    assert_eq!(next(&mut events, "operation").await.data["pod"], "prod/two");
    let lost = ProcessorResponse {
        operation: None,
        lost: 12,
    };
    two.operations.send(lost).unwrap();
    let lost = next(&mut events, "lost").await.data;
    assert_eq!(
        (&lost["pod"], &lost["lost"]),
        (&"prod/two".into(), &12.into())
    );

    fixture.show(pods([("two", &two)]));
    assert_eq!(next(&mut events, "left").await.data["pod"], "prod/one");
    one.watched_by(0).await;

    // The browser leaves, and with it what it watched.
    two.watched_by(1).await;
    drop(events);
    two.watched_by(0).await;
}

#[tokio::test]
async fn pods_that_cannot_be_watched_are_told_of() {
    let off = Pod::start(None, true).await;
    let asks = Pod::start(Some("Bearer secret"), false).await;
    let gone = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap()
    };
    let mut all = pods([("off", &off), ("asks", &asks)]);
    all.extend([pod("gone", &gone.to_string(), shop())]);
    let fixture = Fixture::new(mesh());
    fixture.show(all);
    let router = fixture.router();
    let mut events = Events::open(&router, PATH, None).await;
    let mut failures = Vec::new();
    for _ in 0..3 {
        let failure = next(&mut events, "failed").await.data;
        let text = |name: &str| failure[name].as_str().unwrap().to_owned();
        if text("kind") == "token" {
            let message = text("message");
            assert!(message.contains("--watch-token-file"), "{message}");
        }
        failures.push((text("pod"), text("kind")));
    }
    failures.sort();
    let expected = [
        ("prod/asks", "token"),
        ("prod/gone", "unreachable"),
        ("prod/off", "disabled"),
    ];
    assert_eq!(
        failures,
        expected.map(|(pod, kind)| (pod.to_owned(), kind.to_owned()))
    );
}

#[tokio::test]
async fn only_pods_that_are_left_out_are_told_of() {
    let one = Pod::start(None, false).await;
    let fixture = Fixture::new(mesh());
    let show = |count| {
        let address = one.address.to_string();
        let pods = (0..count).map(|n| pod(&format!("pod-{n:03}"), &address, shop()));
        fixture.show(pods.collect());
    };
    show(100);
    let mut events = Events::open(&fixture.router(), PATH, None).await;
    for _ in 0..100 {
        next(&mut events, "joined").await;
    }
    show(103);
    let failure = next(&mut events, "failed").await.data;
    assert_eq!(failure["kind"], "limit");
    assert!(failure["pod"].is_null());
    let message = failure["message"].as_str().unwrap();
    assert!(message.ends_with("3 are left out"), "{message}");
    // As many as may.
    show(99);
    next(&mut events, "left").await;
    show(100);
    next(&mut events, "joined").await;
}

#[tokio::test]
async fn a_pod_that_ends_its_stream_is_asked_again() {
    let one = Pod::start(None, false).await;
    let fixture = Fixture::new(mesh());
    fixture.show(pods([("one", &one)]));
    let mut events = Events::open(&fixture.router(), PATH, None).await;
    next(&mut events, "joined").await;
    // More at once than the pod keeps for a watcher: it ends the stream.
    for offset in 0..5000 {
        one.operate(offset, String::new());
    }
    loop {
        let event = events.next().await.unwrap();
        if event.name == "joined" {
            break;
        }
    }
    assert!(one.asked.load(Ordering::Relaxed) >= 2);
}

#[tokio::test]
async fn the_longest_operation_of_a_pod_arrives_as_a_whole() {
    let one = Pod::start(None, false).await;
    let fixture = Fixture::new(mesh());
    fixture.show(pods([("one", &one)]));
    let mut events = Events::open(&fixture.router(), PATH, None).await;
    next(&mut events, "joined").await;
    // As much JSON as a process sends of one operation, in as many actions, with keys of the longest.
    let key = "k".repeat(1024);
    let actions = (0..256).map(|_| Action {
        action: Some(Shown::Output(Output {
            topic: "t".repeat(249),
            message: "m".repeat(249),
            key: key.clone(),
            value: "v".repeat((1 << 20) / 256),
        })),
    });
    let operation = Operation {
        actions: actions.collect(),
        omitted_actions: 7,
        ..Operation::default()
    };
    let response = ProcessorResponse {
        operation: Some(operation),
        lost: 0,
    };
    one.operations.send(response).unwrap();
    let shown = next(&mut events, "operation").await.data;
    let actions = shown["actions"].as_array().unwrap();
    assert_eq!(actions.len(), 256);
    assert_eq!(shown["omittedActions"], 7);
    assert!(actions.iter().all(|action| action["key"] == *key));

    // The limit itself, to the byte.
    let most = 4 << 20;
    let mut value = "v".repeat(most);
    let response = |value: &str| ProcessorResponse {
        operation: Some(Operation {
            error: value.to_owned(),
            ..Operation::default()
        }),
        lost: 0,
    };
    value.truncate(2 * most - response(&value).encoded_len());
    assert_eq!(response(&value).encoded_len(), most);
    one.operations.send(response(&value)).unwrap();
    let shown = next(&mut events, "operation").await.data;
    assert_eq!(shown["error"].as_str().unwrap().len(), value.len());
}

#[tokio::test]
async fn a_slow_browser_loses_operations_and_is_told() {
    let one = Pod::start(None, false).await;
    let fixture = Fixture::new(mesh());
    fixture.show(pods([("one", &one)]));
    let mut events = Events::open(&fixture.router(), PATH, None).await;
    next(&mut events, "joined").await;
    // 20 MB, of which 4 wait at most.
    let value = "v".repeat(10_000);
    for offset in 0..2000 {
        one.operate(offset, value.clone());
        if offset % 50 == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    let (mut shown, mut lost) = (0, 0);
    while shown + lost < 2000 {
        let event = events.next().await.unwrap();
        match &*event.name {
            "operation" => shown += 1,
            "lost" => {
                assert!(event.data["pod"].is_null());
                lost += event.data["lost"].as_u64().unwrap();
            }
            _ => panic!("{event:?}"),
        }
    }
    assert!(lost > 0 && shown >= 300, "{shown} shown, {lost} lost");
}

#[tokio::test]
async fn watches_are_bounded() {
    let one = Pod::start(None, false).await;
    let fixture = Fixture::new(mesh());
    fixture.show(pods([("one", &one)]));
    let router = fixture.router();
    let mut open = Vec::new();
    for _ in 0..32 {
        let mut events = Events::open(&router, PATH, None).await;
        next(&mut events, "joined").await;
        open.push(events);
    }
    assert_eq!(get(&router, PATH).await.status, 503);
    one.watched_by(32).await;
    fixture.parts.stop.cancel();
    one.watched_by(0).await;
}
