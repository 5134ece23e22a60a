//! What answers become, whatever is in them.

use kafmesh_proto::{discover::v1 as discover_v1, discovery::v1 as discovery_v1};
use proptest::prelude::*;

use super::*;
use crate::mesh::description::{Processor, TopicSettings, Worker};

fn service(name: &str) -> discover_v1::Service {
    discover_v1::Service {
        name: name.to_owned(),
        ..discover_v1::Service::default()
    }
}

fn component(name: &str) -> discover_v1::Component {
    discover_v1::Component {
        name: name.to_owned(),
        ..discover_v1::Component::default()
    }
}

fn processor(name: &str, group: &str) -> discover_v1::Processor {
    discover_v1::Processor {
        name: name.to_owned(),
        group_name: group.to_owned(),
        ..discover_v1::Processor::default()
    }
}

fn read(service: discover_v1::Service) -> Result<Description, String> {
    let response = discover_v1::GetServiceInfoResponse {
        service: Some(service),
        instance: None,
    };
    discover(&response.encode_to_vec())
        .map(|(_, description)| description)
        .map_err(|invalid| invalid.to_string())
}

#[test]
fn an_answer_of_kafmesh_for_rust() {
    let response = discover_v1::GetServiceInfoResponse {
        service: Some(discover_v1::Service {
            components: vec![discover_v1::Component {
                processors: vec![discover_v1::Processor {
                    inputs: vec![discover_v1::Input {
                        message: "userId.click".to_owned(),
                        topic: "clicks.userId.click".to_owned(),
                    }],
                    ..processor("total clicks", "clicks.math.totalClicks")
                }],
                sinks: vec![discover_v1::Sink {
                    name: "warehouse".to_owned(),
                    topic: "clicks.userId.click".to_owned(),
                    group_name: "clicks.math.warehouse-sink".to_owned(),
                    ..discover_v1::Sink::default()
                }],
                ..component("math")
            }],
            topics: vec![discover_v1::Topic {
                name: "clicks.userId.click".to_owned(),
                settings: Some(discover_v1::TopicSettings {
                    partitions: 10,
                    replication: 3,
                    compact: false,
                    retention: Some(prost_types::Duration {
                        seconds: 86_400,
                        nanos: 5_000_000,
                    }),
                    segment: None,
                }),
            }],
            ..service("clicks")
        }),
        instance: Some(discover_v1::Instance {
            name: "clicks-0".to_owned(),
            kafmesh_version: "0.1.0".to_owned(),
            started_at: Some(prost_types::Timestamp {
                seconds: 1,
                nanos: 0,
            }),
            watch: true,
        }),
    };
    let (instance, description) = discover(&response.encode_to_vec()).unwrap();
    assert_eq!(instance.name, "clicks-0");
    assert_eq!(
        instance.started_at,
        Some(jiff::Timestamp::from_second(1).unwrap())
    );
    assert!(instance.watch);
    let [component] = &description.components[..] else {
        panic!("{description:?}");
    };
    assert_eq!(
        component.processors,
        [Processor {
            name: "total clicks".to_owned(),
            group: "clicks.math.totalClicks".to_owned(),
            inputs: vec![TopicUse {
                topic: "clicks.userId.click".to_owned(),
                message: "userId.click".to_owned(),
            }],
            ..Processor::default()
        }]
    );
    assert_eq!(
        component.sinks,
        [Worker {
            name: "warehouse".to_owned(),
            topic: "clicks.userId.click".to_owned(),
            group: "clicks.math.warehouse-sink".to_owned(),
            ..Worker::default()
        }]
    );
    assert_eq!(
        description.topics[0].settings,
        Some(TopicSettings {
            partitions: 10,
            replication: 3,
            compact: false,
            retention_ms: 86_400_005,
            segment_ms: 0,
        })
    );
}

#[test]
fn an_answer_of_kafmesh_for_go() {
    let topic = |topic: &str, message: &str| {
        Some(discovery_v1::TopicDefinition {
            topic: topic.to_owned(),
            message: message.to_owned(),
            r#type: discovery_v1::TopicType::Protobuf.into(),
        })
    };
    let response = discovery_v1::GetServiceInfoResponse {
        service: Some(discovery_v1::Service {
            name: "devices".to_owned(),
            description: "what devices say".to_owned(),
            components: vec![discovery_v1::Component {
                name: "heartbeats".to_owned(),
                processors: vec![discovery_v1::Processor {
                    name: "enrich".to_owned(),
                    group_name: "devices.heartbeats.enrich".to_owned(),
                    outputs: vec![discovery_v1::Output {
                        topic: topic("devices.enriched", "deviceId.enriched"),
                        description: "with its customer".to_owned(),
                    }],
                    persistence: Some(discovery_v1::Persistence {
                        topic: topic("devices.heartbeats.enrich-table", "deviceId.state"),
                    }),
                    ..discovery_v1::Processor::default()
                }],
                view_sinks: vec![discovery_v1::ViewSink {
                    name: "export".to_owned(),
                    topic: topic("devices.enriched", "deviceId.enriched"),
                    description: String::new(),
                }],
                ..discovery_v1::Component::default()
            }],
        }),
    };
    let (instance, description) = discovery(&response.encode_to_vec()).unwrap();
    assert_eq!(instance, Instance::default());
    assert_eq!(description.service, "devices");
    let component = &description.components[0];
    let processor = &component.processors[0];
    assert_eq!(processor.group, "devices.heartbeats.enrich");
    assert_eq!(processor.outputs[0].topic, "devices.enriched");
    assert_eq!(processor.outputs[0].description, "with its customer");
    let persistence = processor.persistence.as_ref().unwrap();
    assert_eq!(persistence.topic, "devices.heartbeats.enrich-table");
    assert_eq!(component.view_sinks[0].message, "deviceId.enriched");
}

#[test]
fn the_order_of_registration_does_not_matter() {
    let components = [component("a"), component("b"), component("c")];
    let mut one = service("clicks");
    one.components = components.to_vec();
    let mut other = service("clicks");
    other.components = components.into_iter().rev().collect();
    assert_eq!(read(one), read(other));
}

#[test]
fn what_is_told_twice_is_one() {
    let mut twice = service("clicks");
    twice.components = vec![component("math"), component("math")];
    let description = read(twice).unwrap();
    assert_eq!(description.components.len(), 1);
}

#[test]
fn what_cannot_be_is_refused_and_named() {
    let check = |component: discover_v1::Component, expected: &str| {
        let mut service = service("clicks");
        service.components = vec![component];
        assert_eq!(read(service).unwrap_err(), expected);
    };
    assert_eq!(
        read(service("")).unwrap_err(),
        "its answer has a service without a name"
    );
    check(component(""), "its answer has a component without a name");
    check(
        discover_v1::Component {
            processors: vec![processor("count", "a"), processor("count", "b")],
            ..component("math")
        },
        "its answer has two different processors called \"count\"",
    );
    check(
        discover_v1::Component {
            views: vec![discover_v1::View::default()],
            ..component("math")
        },
        "its answer has a topic without a name",
    );
    check(
        component(&"x".repeat(MAX_TEXT + 1)),
        "its answer has a component of 65537 bytes, more than 65536",
    );
    let nothing = discover(&[]).unwrap_err().to_string();
    assert_eq!(nothing, "its answer tells of no service");
    let garbage = discover(b"HTTP/1.1 200 OK").unwrap_err().to_string();
    assert!(garbage.starts_with("its answer is not what the contract says"));
    let never = discover_v1::GetServiceInfoResponse {
        service: Some(service("clicks")),
        instance: Some(discover_v1::Instance {
            started_at: Some(prost_types::Timestamp {
                seconds: i64::MAX,
                nanos: 0,
            }),
            ..discover_v1::Instance::default()
        }),
    };
    assert!(discover(&never.encode_to_vec()).is_err());
}

#[test]
fn many_empty_parts_are_not_decoded() {
    // Each is two bytes here, and 200 once decoded.
    let mut service = service("clicks");
    service.components = vec![discover_v1::Component::default(); parts::MAX];
    let many = read(service).unwrap_err();
    assert_eq!(many, "its answer has more than 200000 parts");
}

/// Bytes that look like the messages of the contracts: the right numbers with anything in them.
fn message() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        "[a-c]{0,2}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..6),
    ];
    leaf.prop_recursive(5, 200, 8, |inner| {
        let field = (1u8..10, prop_oneof![4 => Just(2u8), 1 => 0u8..6], inner);
        prop::collection::vec(field, 0..8).prop_map(|fields| {
            let mut bytes = Vec::new();
            for (number, wire, inner) in fields {
                bytes.push(number << 3 | wire);
                if wire == 2 {
                    prost::encode_length_delimiter(inner.len(), &mut bytes).unwrap();
                }
                bytes.extend(inner);
            }
            bytes
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = discover(&bytes);
        let _ = discovery(&bytes);
    }

    #[test]
    fn what_is_read_is_in_its_one_form(bytes in message()) {
        for read in [discover(&bytes), discovery(&bytes)] {
            let Ok((_, description)) = read else { continue };
            prop_assert!(!description.service.is_empty());
            prop_assert_eq!(checked(description.clone()).unwrap(), description);
        }
    }
}
