//! A service with every kind of object: what is told of all of it, and of a part.

mod go;
mod shop;

use std::path::Path;
use std::time::{Duration, SystemTime};

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

use super::*;
use crate::observe::Kind;

/// Of a service of which nothing is registered.
pub(in crate::service) fn nothing() -> Description {
    Description {
        service: &shop::SERVICE,
        registered: Registered::default(),
        instance: Instance {
            name: "shop-0".to_owned(),
            started_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
            watch: false,
        },
    }
}

/// Of the same with all of its objects registered.
fn everything() -> Description {
    let description = nothing();
    for component in shop::SERVICE.components {
        let add = |kind, key| description.registered.add(kind, component.name, key);
        let (sources, views) = (component.sources.iter(), component.views.iter());
        sources.for_each(|it| add(Kind::Source, it.topic.topic));
        views.for_each(|it| add(Kind::View, it.topic.topic));
        let processors = component.processors.iter();
        processors.for_each(|it| add(Kind::Processor, it.group));
        let sinks = component.sinks.iter();
        sinks.for_each(|it| add(Kind::Sink, it.group));
        let view_sources = component.view_sources.iter();
        view_sources.for_each(|it| add(Kind::ViewSource, it.group));
        let view_sinks = component.view_sinks.iter();
        view_sinks.for_each(|it| add(Kind::ViewSink, it.group));
    }
    description
}

async fn discover(description: &Description) -> Vec<u8> {
    let request = Request::new(discover_v1::GetServiceInfoRequest {});
    let answer = Discover::get_service_info(description, request).await;
    answer.unwrap().into_inner().encode_to_vec()
}

async fn discovery(description: &Description) -> Vec<u8> {
    let request = Request::new(discovery_v1::GetServiceInfoRequest {});
    let answer = DiscoveryApi::get_service_info(description, request).await;
    answer.unwrap().into_inner().encode_to_vec()
}

/// A message as grpcurl prints it, which leaves out what is empty.
fn json(pool: &DescriptorPool, message: &str, bytes: &[u8]) -> serde_json::Value {
    let descriptor = pool.get_message_by_name(message).unwrap();
    let message = DynamicMessage::decode(descriptor, bytes).unwrap();
    assert_eq!(message.unknown_fields().count(), 0);
    let options = SerializeOptions::new().skip_default_fields(true);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .unwrap()
}

fn ours() -> DescriptorPool {
    DescriptorPool::decode(kafmesh_proto::FILE_DESCRIPTOR_SET).unwrap()
}

/// Compares with a file, which is rewritten when it differs.
fn check(file: &str, value: &serde_json::Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/service/describe/tests");
    let (path, text) = (folder.join(file), format!("{value:#}\n"));
    if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
        std::fs::write(&path, text).unwrap();
        panic!("{file} is rewritten: see git diff, run again if it is right");
    }
}

#[tokio::test]
async fn everything_registered_is_described() {
    let answer = discover(&everything()).await;
    let message = "kafmesh.discover.v1.GetServiceInfoResponse";
    let mut answer = json(&ours(), message, &answer);
    let version = answer["instance"]["kafmeshVersion"].take();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    check("discover.json", &answer);
}

#[tokio::test]
async fn kafmesh_for_go_understands_its_form() {
    let answer = discovery(&everything()).await;
    let message = "kafmesh.discovery.v1.GetServiceInfoResponse";
    let as_go_reads_it = json(&go::contract(), message, &answer);
    check("discovery.json", &as_go_reads_it);
    assert_eq!(json(&ours(), message, &answer), as_go_reads_it);
}

#[tokio::test]
async fn what_is_not_registered_is_not_described() {
    let description = nothing();
    let described = |description: &Description| {
        discover::service(description.service, &description.registered.now())
    };
    let service = described(&description);
    assert_eq!(service.name, "shop");
    assert_eq!((service.components.len(), service.topics.len()), (0, 0));

    // Clones are of the same process: what is registered later is described, too.
    let later = description.clone();
    later
        .registered
        .add(Kind::View, "stock", "shop.productId.level");
    let service = described(&description);
    let [stock] = &service.components[..] else {
        panic!("{service:?}");
    };
    assert_eq!((stock.name.as_str(), stock.views.len()), ("stock", 1));
    assert_eq!((stock.processors.len(), stock.sources.len()), (0, 0));
    let messages = service.messages.iter().map(|it| it.name.as_str());
    assert_eq!(messages.collect::<Vec<_>>(), ["productId.level"]);

    // The other component has a view of that topic as well, and another object of the same name.
    assert_eq!(shop::SERVICE.components[1].views.len(), 1);
}

#[test]
fn a_process_has_the_name_that_it_was_given() {
    assert_eq!(name(Some("shop-7")), "shop-7");
    assert_ne!(name(None), "");
    assert_eq!(name(Some("")), name(None));
}
