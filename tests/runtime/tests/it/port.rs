//! The service's port: gRPC, and HTTP/1.1.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use kafmesh::codegen::v1::Service;
use kafmesh_proto::ping::v1::PingRequest;
use kafmesh_proto::ping::v1::ping_api_client::PingApiClient;
use kafmesh_runtime_tests::{Handle, Shape, counting};
use prost::Message as _;
use prost_types::{FileDescriptorProto, FileDescriptorSet, ServiceDescriptorProto};
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::server::NamedService;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::support::{PATIENCE, Running, config, free_port, get, unique, until};

async fn health(client: &mut HealthClient<Channel>) -> ServingStatus {
    let answer = client
        .check(HealthCheckRequest {
            service: String::new(),
        })
        .await
        .unwrap();
    answer.into_inner().status()
}

#[tokio::test]
async fn the_port_tells_health_answers_pings_and_lists_services() {
    let mesh = Shape::counter(unique("grpc"), 1).build();
    let state = tempfile::tempdir().unwrap();
    let address = free_port();
    let mut service = Service::connect(config(state.path()).with_listen(address), mesh.service)
        .await
        .unwrap();
    service
        .registry()
        .register_processor(mesh.component, Handle::new(mesh.processor, counting))
        .unwrap();
    let channel = Channel::from_shared(format!("http://{address}"))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut client = HealthClient::new(channel.clone());
    assert_eq!(health(&mut client).await, ServingStatus::NotServing);

    let stopper = service.stopper();
    let running = tokio::spawn(service.run());
    let mut watched = client
        .watch(HealthCheckRequest {
            service: String::new(),
        })
        .await
        .unwrap()
        .into_inner();
    let serving = async {
        while let Some(status) = watched.next().await {
            if status.unwrap().status() == ServingStatus::Serving {
                return;
            }
        }
        panic!("the watch ended");
    };
    timeout(PATIENCE, serving).await.unwrap();
    assert_eq!(health(&mut client).await, ServingStatus::Serving);

    PingApiClient::new(channel.clone())
        .ping(PingRequest {})
        .await
        .unwrap();

    let names = listed(channel).await;
    assert_eq!(
        names,
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "kafmesh.discover.v1.Discover",
            "kafmesh.discovery.v1.DiscoveryAPI",
            "kafmesh.ping.v1.PingAPI",
            "kafmesh.watch.v1.WatchAPI"
        ]
    );

    // The open watch must not keep the service from ending.
    stopper.stop();
    timeout(Duration::from_secs(10), running)
        .await
        .expect("it ends")
        .unwrap()
        .unwrap();
}

/// The services that reflection tells of.
async fn listed(channel: Channel) -> Vec<String> {
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::iter([request]))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.next().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}")
    };
    let mut names: Vec<_> = list.service.into_iter().map(|one| one.name).collect();
    names.sort();
    names
}

/// A service of the user's, which answers every call in the same way.
#[derive(Clone)]
struct Added;

impl NamedService for Added {
    const NAME: &'static str = "tests.Added";
}

impl tonic::codegen::Service<http::Request<Body>> for Added {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        ready(Ok(Status::already_exists("it answers").into_http()))
    }
}

/// What reflection is told of it.
fn describe_added() -> &'static [u8] {
    let added = ServiceDescriptorProto {
        name: Some("Added".to_owned()),
        ..ServiceDescriptorProto::default()
    };
    let file = FileDescriptorProto {
        name: Some("added.proto".to_owned()),
        package: Some("tests".to_owned()),
        service: vec![added],
        ..FileDescriptorProto::default()
    };
    let set = FileDescriptorSet { file: vec![file] };
    set.encode_to_vec().leak()
}

/// How a call of `service` is answered.
async fn call(channel: &Channel, address: SocketAddr, service: &str) -> tonic::Code {
    let origin = format!("http://{address}/{service}").parse().unwrap();
    let called = HealthClient::with_origin(channel.clone(), origin)
        .check(HealthCheckRequest::default())
        .await;
    called.unwrap_err().code()
}

#[tokio::test]
async fn services_of_the_user_answer_once_the_service_runs() {
    let mesh = Shape::counter(unique("added"), 1).build();
    let state = tempfile::tempdir().unwrap();
    let address = free_port();
    let mut service = Service::connect(config(state.path()).with_listen(address), mesh.service)
        .await
        .unwrap();
    service.add_grpc_service(Added);
    service.add_file_descriptor_set(describe_added());
    let channel = Channel::from_shared(format!("http://{address}"))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let added = async || call(&channel, address, Added::NAME).await;
    assert_eq!(added().await, tonic::Code::Unavailable);
    let ours = listed(channel.clone()).await;
    assert!(!ours.contains(&Added::NAME.to_owned()), "{ours:?}");

    let running = Running::start(service);
    until("it answers", async || {
        added().await == tonic::Code::AlreadyExists
    })
    .await;
    let names = listed(channel.clone()).await;
    // It, and what can be watched once there is something to watch.
    assert_eq!(names.len(), ours.len() + 2);
    assert!(names.contains(&Added::NAME.to_owned()), "{names:?}");
    // What nobody added is no longer something to wait for.
    let nobody = call(&channel, address, "tests.Nobody").await;
    assert_eq!(nobody, tonic::Code::Unimplemented);
    running.stop().await;
}

#[tokio::test]
async fn plain_http_tells_the_health() {
    let shape = Shape::counter(unique("http"), 2);
    let mesh = shape.build();
    let state = tempfile::tempdir().unwrap();
    let address = free_port();
    let mut service = Service::connect(config(state.path()).with_listen(address), mesh.service)
        .await
        .unwrap();
    service
        .registry()
        .register_processor(mesh.component, Handle::new(mesh.processor, counting))
        .unwrap();
    let _totals: kafmesh::View<kafmesh_runtime_tests::Count> = service
        .registry()
        .view(mesh.component, mesh.component.views[0])
        .unwrap();
    assert_eq!(get(address, "/health/live").await, (200, "alive\n".into()));
    assert_eq!(
        get(address, "/health/ready").await,
        (503, "starting\n".into())
    );
    assert_eq!(get(address, "/nothing").await.0, 404);

    let running = Running::start(service);
    until("it is ready", async || {
        get(address, "/health/ready").await == (200, "running\n".into())
    })
    .await;
    let (status, body) = get(address, "/health").await;
    assert_eq!(status, 200);
    let health: serde_json::Value = serde_json::from_str(&body).unwrap();
    let object = |kind, name| {
        serde_json::json!({
            "component": "counting",
            "kind": kind,
            "name": name,
            "state": "running",
            "detail": "2 partitions",
        })
    };
    assert_eq!(
        health,
        serde_json::json!({
            "service": shape.prefix,
            "state": "running",
            "objects": [object("processor", "counter"), object("view", "count")],
        })
    );
    running.stop().await;
}
