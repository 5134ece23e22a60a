//! What `kafmesh describe` prints, beside what a running process of the same service answered.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::path::Path;
use std::process::Command;

use kafmesh_proto::discover::v1::{Component, GetServiceInfoResponse};
use prost_reflect::{DescriptorPool, DynamicMessage};

/// Reads the JSON form of the contract, in which nothing else may stand.
fn answer(json: &[u8]) -> GetServiceInfoResponse {
    let pool = DescriptorPool::decode(kafmesh_proto::FILE_DESCRIPTOR_SET).unwrap();
    let response = pool
        .get_message_by_name("kafmesh.discover.v1.GetServiceInfoResponse")
        .unwrap();
    let mut json = serde_json::Deserializer::from_slice(json);
    let answer = DynamicMessage::deserialize(response, &mut json).unwrap();
    answer.transcode_to().unwrap()
}

fn assert_holds<T: PartialEq + std::fmt::Debug>(all: &[T], some: &[T]) {
    for one in some {
        assert!(all.contains(one), "{one:?} is not in {all:#?}");
    }
}

fn assert_has(component: &Component, registered: &Component) {
    assert_eq!(component.description, registered.description);
    assert_holds(&component.sources, &registered.sources);
    assert_holds(&component.processors, &registered.processors);
    assert_holds(&component.sinks, &registered.sinks);
    assert_holds(&component.views, &registered.views);
    assert_holds(&component.view_sources, &registered.view_sources);
    assert_holds(&component.view_sinks, &registered.view_sinks);
}

#[test]
fn a_service_is_described_as_its_processes_describe_themselves() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests");
    let output = Command::new(env!("CARGO_BIN_EXE_kafmesh"))
        .args(["describe", "--format=json"])
        .arg(tests.join("objects/docs/definition.yaml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let described = answer(&output.stdout).service.unwrap();
    // What a process answered that runs most of the service; the tests of kafmesh-discover keep it.
    let running = std::fs::read(tests.join("mesh/tests/grpcurl/discover.json")).unwrap();
    let running = answer(&running).service.unwrap();

    assert_eq!(described.name, running.name);
    assert_eq!(described.description, running.description);
    assert_holds(&described.messages, &running.messages);
    assert_holds(&described.topics, &running.topics);
    assert!(running.components.len() > 4);
    for registered in &running.components {
        let mut components = described.components.iter();
        let component = components.find(|it| it.name == registered.name).unwrap();
        assert_has(component, registered);
    }
}
