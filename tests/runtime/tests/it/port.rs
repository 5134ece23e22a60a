//! The service's port: gRPC, and HTTP/1.1.

use std::time::{Duration, Instant};

use kafmesh::codegen::v1::Service;
use kafmesh_proto::ping::v1::PingRequest;
use kafmesh_proto::ping::v1::ping_api_client::PingApiClient;
use kafmesh_runtime_tests::{Handle, Shape, counting};
use tokio::time::timeout;
use tokio_stream::StreamExt as _;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1alpha;

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
            "kafmesh.ping.v1.PingAPI"
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

/// A call of a service that is not one of ours.
async fn call_added(channel: Channel) -> Result<(), tonic::Code> {
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: None,
    };
    let called = v1alpha::server_reflection_client::ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::iter([request]))
        .await;
    called.map(drop).map_err(|status| status.code())
}

#[tokio::test]
async fn services_of_the_user_answer_once_the_service_runs() {
    let mesh = Shape::counter(unique("added"), 1).build();
    let state = tempfile::tempdir().unwrap();
    let address = free_port();
    let mut service = Service::connect(config(state.path()).with_listen(address), mesh.service)
        .await
        .unwrap();
    // Any generated server would do; this one is at hand.
    let added = tonic_reflection::server::Builder::configure()
        .build_v1alpha()
        .unwrap();
    service.add_grpc_service(added);
    service.add_file_descriptor_set(v1alpha::FILE_DESCRIPTOR_SET);
    let channel = Channel::from_shared(format!("http://{address}"))
        .unwrap()
        .connect()
        .await
        .unwrap();
    assert_eq!(
        call_added(channel.clone()).await,
        Err(tonic::Code::Unavailable)
    );
    assert_eq!(listed(channel.clone()).await.len(), 3);

    let running = Running::start(service);
    let deadline = Instant::now() + PATIENCE;
    while let Err(code) = call_added(channel.clone()).await {
        assert_eq!(code, tonic::Code::Unavailable);
        assert!(Instant::now() < deadline, "it never answered");
    }
    let names = listed(channel.clone()).await;
    let added = "grpc.reflection.v1alpha.ServerReflection";
    assert!(names.contains(&added.to_owned()), "{names:?}");
    // What nobody added is no longer something to wait for.
    let nobody = tonic_health::pb::health_client::HealthClient::with_origin(
        channel,
        format!("http://{address}/nobody").parse().unwrap(),
    )
    .check(HealthCheckRequest::default())
    .await;
    assert_eq!(nobody.unwrap_err().code(), tonic::Code::Unimplemented);
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
