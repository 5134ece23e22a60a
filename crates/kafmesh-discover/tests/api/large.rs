//! A mesh of 1,000 services and 10,000 topics.

use std::time::Instant;

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
    for path in [
        "/api/v1/mesh",
        "/api/v1/search?q=processor-7+service-0042",
        "/api/v1/topics/service-0042.topic-7",
        "/api/v1/downstream?label=Service&key=service-0042&depth=100",
        "/api/v1/exports/mesh.json",
        "/api/v1/exports/mesh.dot",
        "/api/v1/exports/mesh.mmd",
    ] {
        for headers in [&[][..], &[("accept-encoding", "gzip")]] {
            let begun = Instant::now();
            let answer = get_with(&router, path, headers).await;
            assert_eq!(answer.status, 200);
            println!(
                "{:>9} bytes {:>9.2?} {path} {headers:?}",
                answer.body.len(),
                begun.elapsed()
            );
        }
    }
    let mesh = get(&router, "/api/v1/mesh").await.json();
    assert_eq!(mesh["services"].as_array().unwrap().len(), 1000);
    assert_eq!(mesh["topics"].as_array().unwrap().len(), 10_000);
}
