//! What a service declares against what Kafka has, from the process to the API and to Neo4j.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use kafmesh_discover::config::{self, Config};
use kafmesh_discover::run::Discover;
use kafmesh_mesh_tests::neo4j::Database;
use kafmesh_mesh_tests::pods::FakePod;
use kafmesh_proto::discover::v1 as proto;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{brokers, commit, create, produce, unique};

/// A service that writes `clicks` as a topic of 4 partitions, counts them in `group`, and puts out `totals`.
fn counter(name: &str, clicks: &str, totals: &str, group: &str) -> proto::Service {
    let message = "userId.click".to_owned();
    proto::Service {
        name: name.to_owned(),
        components: vec![proto::Component {
            name: "math".to_owned(),
            sources: vec![proto::Source {
                message: message.clone(),
                topic: clicks.to_owned(),
                ..proto::Source::default()
            }],
            processors: vec![proto::Processor {
                name: "count".to_owned(),
                group_name: group.to_owned(),
                inputs: vec![proto::Input {
                    message,
                    topic: clicks.to_owned(),
                }],
                outputs: vec![proto::Output {
                    message: "userId.total".to_owned(),
                    topic: totals.to_owned(),
                    ..proto::Output::default()
                }],
                ..proto::Processor::default()
            }],
            ..proto::Component::default()
        }],
        topics: vec![proto::Topic {
            name: clicks.to_owned(),
            settings: Some(proto::TopicSettings {
                partitions: 4,
                ..proto::TopicSettings::default()
            }),
        }],
        ..proto::Service::default()
    }
}

fn get(address: SocketAddr, path: &str) -> Value {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|_| panic!("{path}: {answer}"))
}

/// What `path` answers once `holds` is true of it.
async fn when(address: SocketAddr, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..600 {
        let path = path.to_owned();
        let read = tokio::task::spawn_blocking(move || get(address, &path));
        let body = read.await.unwrap();
        if holds(&body) {
            return body;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path} is not so within a minute: {}", get(address, path));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kafka_has_otherwise_shows_in_the_api_and_in_neo4j() {
    let database = Database::alone().await;
    let (clicks, totals) = (unique("clicks"), unique("totals"));
    let (group, stranger) = (unique("count"), unique("stranger"));
    create(&clicks, 3).await;
    produce(&clicks, 0, 10);
    commit(&group, &clicks, &[(0, 3)]);
    let reader = crate::Member::of(&stranger, &clicks, "classic");
    let pod = FakePod::serving(counter("counter", &clicks, &totals, &group)).await;

    let mut config = Config::default();
    config.listen.set_port(0);
    config.scrape.kubernetes = config::Kubernetes::Off;
    config.scrape.targets.push(pod.address().to_string());
    config.kafka = Some(config::Kafka {
        brokers: brokers(),
        properties: Default::default(),
        interval: Duration::from_millis(200),
    });
    let settings = database.settings();
    config.neo4j = Some(config::Neo4j {
        url: settings.uri,
        user: settings.user,
        password: config::Secret::new(settings.password),
        database: None,
        ca: None,
    });
    let discover = Discover::start(config).await.unwrap();
    let address = discover.address();
    let stop = CancellationToken::new();
    let running = tokio::spawn(discover.run(stop.clone()));

    let found = |kind: &str, subject: &str| {
        let (kind, subject) = (kind.to_owned(), subject.to_owned());
        move |body: &Value| {
            let items = body["items"].as_array().into_iter().flatten();
            items
                .into_iter()
                .any(|item| item["kind"] == *kind && item["subject"] == *subject)
        }
    };
    let path = "/api/v1/findings?limit=1000";
    for (kind, subject) in [
        ("missing-topic", &totals),
        ("partition-count-differs", &clicks),
        ("group-without-members", &group),
        ("undeclared-group", &stranger),
        ("unread-topic", &totals),
    ] {
        when(address, path, found(kind, subject)).await;
    }
    let object = "/api/v1/services/counter/components/math/objects/processor/count";
    let read = when(address, object, |body| {
        body["node"]["properties"]["lag"] == 7
    })
    .await;
    assert_eq!(read["node"]["properties"]["members"], 0, "{read}");

    let missing =
        "MATCH (t:Topic {missing: true})<-[:WRITES]-(:Processor {lag: 7}) RETURN t.name AS name";
    for turn in 0.. {
        if database.texts(missing).await == [totals.as_str()] {
            break;
        }
        assert!(turn < 600, "the graph does not say so within a minute");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    create(&totals, 1).await;
    commit(&group, &clicks, &[(0, 10)]);
    let gone = found("missing-topic", &totals);
    when(address, path, |body| !gone(body)).await;
    when(address, object, |body| {
        body["node"]["properties"]["lag"] == 0
    })
    .await;
    reader.leave();
    let gone = found("undeclared-group", &stranger);
    when(address, path, |body| !gone(body)).await;
    stop.cancel();
    running.await.unwrap();
}
