//! A mesh of 1,000 services and 10,000 topics.

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::description::{Component, Description, Output, Processor, TopicUse};
use kafmesh_discover::mesh::pod::Pods;

use crate::fixture::{Fixture, get, get_with, pod};

/// Service `n`: ten processors, each of which reads a topic of its service and one of the next.
fn service(n: usize) -> Description {
    let topic = |n: usize, object: usize| format!("service-{:04}.topic-{object}", n % 1000);
    let using = |topic: String| TopicUse {
        message: format!("{topic}.message"),
        topic,
    };
    let processors = (0..10).map(|object| Processor {
        name: format!("processor-{object}"),
        description: "Reads what the service before has written and writes what the next reads."
            .to_owned(),
        group: format!("service-{n}-processor-{object}"),
        inputs: vec![using(topic(n + 999, object))],
        joins: vec![using(topic(n + 1, object))],
        outputs: vec![Output {
            topic: topic(n, object),
            message: format!("{}.message", topic(n, object)),
            description: "What came out.".to_owned(),
        }],
        ..Processor::default()
    });
    Description {
        service: format!("service-{n:04}"),
        description: "One of many.".to_owned(),
        components: vec![Component {
            name: "only".to_owned(),
            processors: processors.collect(),
            ..Component::default()
        }],
        ..Description::default()
    }
}

#[tokio::test]
async fn the_whole_is_told_and_found() {
    let pods: Pods = (0..1000)
        .map(|n| pod(&format!("pod-{n}"), "127.0.0.1:1", service(n)))
        .collect();
    let router = Fixture::new(Mesh::new(1, pods, None, Vec::new())).router();
    let read = async |path: &str| {
        let plain = get(&router, path).await;
        assert_eq!(plain.status, 200, "{path}");
        let zipped = get_with(&router, path, &[("accept-encoding", "gzip")]).await;
        assert_eq!(zipped.decoded(), plain.body, "{path}");
        assert!(zipped.body.len() < plain.body.len(), "{path}");
        plain
    };
    let mesh = read("/api/v1/mesh").await.json();
    assert_eq!(mesh["services"].as_array().unwrap().len(), 1000);
    assert_eq!(mesh["topics"].as_array().unwrap().len(), 10_000);

    let found = read("/api/v1/search?q=processor-7+service-0042")
        .await
        .json();
    let best = &found["items"][0]["node"]["key"];
    assert_eq!(best, "service-0042/only/processor/processor-7");
    // A service is two edges from the next; 50 of them are reached to either side, and the topics between.
    let from = "label=Service&key=service-0042&depth=100";
    let reached = read(&format!("/api/v1/downstream?{from}")).await.json();
    assert_eq!(reached["nodes"].as_array().unwrap().len(), 2000);
    assert_eq!(reached["truncated"], false);
    // Against the data and along it, two edges lead to the service after the next.
    let around = read(&format!("/api/v1/exports/mesh.json?{from}")).await;
    let around = around.json();
    let nodes = around["nodes"].as_array().unwrap().iter();
    let processors = nodes.filter(|node| node["label"] == "Processor").count();
    assert_eq!(processors, 2010);

    let whole = read("/api/v1/exports/mesh.json").await.json();
    let edges = whole["edges"].as_array().unwrap().iter();
    let flows =
        edges.filter(|edge| ["READS", "WRITES"].contains(&edge["relation"].as_str().unwrap()));
    let flows = flows.count();
    assert_eq!(flows, 30_000);
    for path in ["/api/v1/exports/mesh.dot", "/api/v1/exports/mesh.mmd"] {
        let drawn = read(path).await;
        assert!(drawn.text().matches("->").count() >= flows, "{path}");
    }
}
