//! What a process tells of itself, from its first moment on.

use std::net::SocketAddr;

use kafmesh::codegen::v1::Service;
use kafmesh::{Config, Error};
use kafmesh_proto::discover::v1::discover_client::DiscoverClient;
use kafmesh_proto::discover::v1::{GetServiceInfoRequest, GetServiceInfoResponse};
use kafmesh_proto::discovery::v1 as discovery;
use kafmesh_proto::discovery::v1::discovery_api_client::DiscoveryApiClient;
use kafmesh_runtime_tests::{Click, Count, Handle, Shape, counting};

use crate::support::{Running, config, free_port, unique, until};

async fn ask(address: SocketAddr) -> Option<GetServiceInfoResponse> {
    let mut client = DiscoverClient::connect(format!("http://{address}"))
        .await
        .ok()?;
    let answer = client.get_service_info(GetServiceInfoRequest {}).await;
    Some(answer.unwrap().into_inner())
}

#[tokio::test]
async fn a_process_that_has_not_reached_kafka_says_what_it_is() {
    let shape = Shape::counter(unique("describe"), 1);
    let mesh = shape.build();
    let (address, state) = (free_port(), tempfile::tempdir().unwrap());
    // Nothing answers there.
    let config = Config::new(free_port().to_string())
        .with_listen(address)
        .with_instance("counter-7")
        .with_state_dir(state.path());
    let connecting = tokio::spawn(Service::connect(config, mesh.service));
    let mut answer = None;
    until("it answers", async || {
        answer = ask(address).await;
        answer.is_some()
    })
    .await;
    let answer = answer.unwrap();
    let (service, instance) = (answer.service.unwrap(), answer.instance.unwrap());
    assert_eq!(service.name, shape.prefix);
    assert_eq!(service.components, []);
    assert_eq!(instance.name, "counter-7");
    assert!(instance.started_at.is_some());
    let error = connecting.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn what_a_process_registers_is_described_from_then_on() {
    let shape = Shape::counter(unique("describe"), 1);
    let mesh = shape.build();
    let (address, state) = (free_port(), tempfile::tempdir().unwrap());
    let mut service = Service::connect(config(state.path()).with_listen(address), mesh.service)
        .await
        .unwrap();
    let described = async || ask(address).await.unwrap().service.unwrap().components;
    assert_eq!(described().await, []);

    let registry = service.registry();
    drop(registry.source::<Click>(mesh.component, mesh.component.sources[0]));
    let of_a_source = described().await;
    assert_eq!(of_a_source.len(), 1);
    assert_eq!(of_a_source[0].sources.len(), 1);
    assert_eq!(of_a_source[0].processors, []);
    assert_eq!(of_a_source[0].views, []);

    let counter = Handle::new(mesh.processor, counting);
    registry
        .register_processor(mesh.component, counter)
        .unwrap();
    let view = mesh.component.views[0];
    let _counts: kafmesh::View<Count> = registry.view(mesh.component, view).unwrap();
    let running = Running::start(service);
    let all = described().await;
    assert_eq!(all[0].views[0].topic, view.topic.topic);
    assert_eq!(all[0].processors[0].group_name, mesh.processor.group);

    let mut go = DiscoveryApiClient::connect(format!("http://{address}"))
        .await
        .unwrap();
    let request = discovery::GetServiceInfoRequest {};
    let answer = go.get_service_info(request).await.unwrap().into_inner();
    let component = &answer.service.unwrap().components[0];
    let input = component.processors[0].inputs[0].topic.clone().unwrap();
    assert_eq!(input.topic, mesh.processor.inputs[0].topic);
    assert_eq!(input.r#type(), discovery::TopicType::Protobuf);
    running.stop().await;
}
