//! Clients of the port that go, with and without a word.

use std::pin::pin;
use std::sync::Arc;

use h2::client::ResponseFuture;
use kafmesh_proto::watch::v1::ProcessorRequest;
use kafmesh_proto::watch::v1::watch_api_client::WatchApiClient;
use kafmesh_proto::watch::v1::watch_api_server::WatchApiServer;
use prost::Message as _;
use prost::bytes::{BufMut as _, Bytes, BytesMut};
use tokio::net::TcpStream;
use tonic::codegen::http;
use tonic::transport::Channel;

use super::*;
use crate::config::Config;
use crate::kafka::{Headers, Record};
use crate::service::describe;
use crate::watch::{Access, Hub, Tap, Watching};

/// Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// An open port at which a processor can be watched.
struct Port {
    server: Server,
    hub: Arc<Hub>,
    request: ProcessorRequest,
}

impl Port {
    async fn open(keepalive: Keepalive) -> Self {
        let description = describe::tests::nothing();
        let mut components = description.service.components.iter();
        let component = components
            .find(|component| !component.processors.is_empty())
            .unwrap();
        let processor = component.processors[0];
        let config = Config::new("nowhere:1").with_watch_rate(1_000_000.try_into().unwrap());
        let watching = Watching::new(Access::new(&config).unwrap(), b"");
        let hub = watching.add(component, processor).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let observer = Observer::new("shop");
        let server = Server::start_with(address, None, observer, description, keepalive)
            .await
            .unwrap();
        let mut services = server.services();
        services.add(WatchApiServer::new(watching));
        server.run(services).unwrap();
        let request = ProcessorRequest {
            component: component.name.to_owned(),
            processor: processor.name.to_owned(),
            key: String::new(),
        };
        Self {
            server,
            hub,
            request,
        }
    }

    /// Handles records until as many watch as said.
    async fn watched_by(&self, watchers: usize) {
        let mut tap = Tap::new(Arc::clone(&self.hub));
        let value = [b'x'; 60_000];
        let handling = async {
            while self.hub.watching() != watchers {
                for offset in 0..20 {
                    let record = Record {
                        offset,
                        timestamp: 0,
                        key: Some(b"k"),
                        value: Some(&value),
                        headers: Headers::memory(&[]),
                    };
                    tap.begin(0, 0, &record);
                    tap.end(None);
                }
                tap.settle();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, handling).await.is_err() {
            panic!("{} watch, and not {watchers}", self.hub.watching());
        }
    }
}

#[tokio::test]
async fn who_closes_a_stream_or_a_connection_watches_no_more() {
    let port = Port::open(KEEPALIVE).await;
    let connect = async || {
        let endpoint = Channel::from_shared(format!("http://{}", port.server.address()));
        let channel = endpoint.unwrap().connect().await.unwrap();
        WatchApiClient::new(channel)
    };
    let watch = async |client: &WatchApiClient<Channel>| {
        let answer = client.clone().processor(port.request.clone()).await;
        answer.unwrap().into_inner()
    };
    let (one, two) = (connect().await, connect().await);
    let (first, second) = (watch(&one).await, watch(&one).await);
    let third = watch(&two).await;
    assert_eq!(port.hub.watching(), 3);
    // The connection stays open for the second.
    drop(first);
    port.watched_by(2).await;
    drop((two, third));
    port.watched_by(1).await;
    drop(second);
    port.watched_by(0).await;
    port.server.close().await;
}

#[tokio::test]
async fn who_vanishes_without_a_word_watches_no_more() {
    let port = Port::open(Keepalive {
        silent: Duration::from_millis(300),
        answer: Duration::from_millis(300),
    })
    .await;
    let stream = TcpStream::connect(port.server.address()).await.unwrap();
    // All that is shown may be sent at once: until the socket takes no more.
    let handshake = h2::client::Builder::new()
        .initial_window_size(1 << 30)
        .initial_connection_window_size(1 << 30)
        .handshake(stream);
    let (mut requests, connection) = handshake.await.unwrap();
    let uri = format!(
        "http://{}/kafmesh.watch.v1.WatchAPI/Processor",
        port.server.address()
    );
    let request = http::Request::post(uri)
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (response, mut body): (ResponseFuture, _) = requests.send_request(request, false).unwrap();
    body.send_data(framed(&port.request), true).unwrap();
    // Polled until it is answered, and then left alone: it is open, and nothing reads or answers at its end.
    let mut connection = pin!(connection);
    let answer = tokio::select! {
        ended = &mut connection => panic!("it ended: {ended:?}"),
        answer = response => answer.unwrap(),
    };
    assert_eq!(answer.status(), 200);
    assert_eq!(port.hub.watching(), 1);
    port.watched_by(0).await;
    port.server.close().await;
}

/// A message as gRPC sends it: not compressed, its length, itself.
fn framed(message: &ProcessorRequest) -> Bytes {
    let mut framed = BytesMut::new();
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.encoded_len()).unwrap());
    framed.extend_from_slice(&message.encode_to_vec());
    framed.freeze()
}
