//! The service's gRPC port.

use std::time::Duration;

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

use crate::support::{PATIENCE, config, free_port, unique};

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

    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::iter([request]))
        .await
        .unwrap()
        .into_inner();
    let answer = answers
        .next()
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else {
        panic!("{answer:?}")
    };
    let mut names: Vec<_> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    names.sort();
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
