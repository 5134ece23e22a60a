//! What a service declares against what Kafka has, from the process to the API and to Neo4j.

use std::net::SocketAddr;
use std::time::Duration;

use kafmesh_discover::config::{self, Config};
use kafmesh_discover::run::Discover;
use kafmesh_mesh_tests::http;
use kafmesh_mesh_tests::neo4j::Database;
use kafmesh_mesh_tests::pods::FakePod;
use kafmesh_proto::discover::v1 as proto;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{brokers, commit, create, produce, unique};

/// The names of one run's topics and groups.
pub(crate) struct Names {
    pub(crate) clicks: String,
    pub(crate) taps: String,
    pub(crate) totals: String,
    pub(crate) count: String,
    pub(crate) ship: String,
}

impl Names {
    pub(crate) fn unique() -> Self {
        Self {
            clicks: unique("clicks"),
            taps: unique("taps"),
            totals: unique("totals"),
            count: unique("count"),
            ship: unique("ship"),
        }
    }
}

/// A service that writes `clicks` as a topic of 4 partitions, counts them and `taps` in the group `count`, puts out
/// `totals`, and ships `clicks` in the group `ship`.
pub(crate) fn counter(names: &Names) -> proto::Service {
    let message = "userId.click".to_owned();
    let input = |topic: &String| proto::Input {
        message: message.clone(),
        topic: topic.clone(),
    };
    proto::Service {
        name: "counter".to_owned(),
        components: vec![proto::Component {
            name: "math".to_owned(),
            sources: vec![proto::Source {
                message: message.clone(),
                topic: names.clicks.clone(),
                ..proto::Source::default()
            }],
            processors: vec![proto::Processor {
                name: "count".to_owned(),
                group_name: names.count.clone(),
                inputs: vec![input(&names.clicks), input(&names.taps)],
                outputs: vec![proto::Output {
                    message: "userId.total".to_owned(),
                    topic: names.totals.clone(),
                    ..proto::Output::default()
                }],
                ..proto::Processor::default()
            }],
            sinks: vec![proto::Sink {
                name: "ship".to_owned(),
                group_name: names.ship.clone(),
                message: message.clone(),
                topic: names.clicks.clone(),
                ..proto::Sink::default()
            }],
            ..proto::Component::default()
        }],
        topics: vec![proto::Topic {
            name: names.clicks.clone(),
            settings: Some(proto::TopicSettings {
                partitions: 4,
                ..proto::TopicSettings::default()
            }),
        }],
        ..proto::Service::default()
    }
}

/// What `path` answers.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Value {
    let (_, body) = http::get(address, path).await;
    serde_json::from_str(&body).unwrap_or_else(|_| panic!("{path}: {body}"))
}

/// What `path` answers once `holds` is true of it.
pub(crate) async fn when(address: SocketAddr, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let mut body = Value::Null;
    for _ in 0..600 {
        body = get(address, path).await;
        if holds(&body) {
            return body;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{path} is not so within a minute: {body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_kafka_has_otherwise_shows_in_the_api_and_in_neo4j() {
    let database = Database::alone().await;
    let names = Names::unique();
    let stranger = unique("stranger");
    create(&names.clicks, 3).await;
    create(&names.taps, 2).await;
    produce(&names.clicks, 0, 10);
    produce(&names.taps, 1, 5);
    commit(&names.count, &names.clicks, &[(0, 3)]);
    commit(&names.ship, &names.clicks, &[(0, 8)]);
    commit(&stranger, &names.clicks, &[(0, 4)]);
    let reader = crate::Member::of(&stranger, &names.clicks, "classic");
    let pod = FakePod::serving(counter(&names)).await;

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
        ("missing-topic", &names.totals),
        ("partition-count-differs", &names.clicks),
        ("group-without-members", &names.count),
        ("undeclared-group", &stranger),
        ("unread-topic", &names.totals),
        ("unknown-producer", &names.taps),
    ] {
        when(address, path, found(kind, subject)).await;
    }
    let object = |kind: &str, name: &str| {
        format!("/api/v1/services/counter/components/math/objects/{kind}/{name}")
    };
    // As a whole, and by input.
    let count = object("processor", "count");
    let read = when(address, &count, |body| {
        body["node"]["properties"]["lag"] == 7 && body["node"]["properties"]["uncommitted"] == 1
    })
    .await;
    assert_eq!(read["node"]["properties"]["members"], 0, "{read}");
    assert_eq!(reads(&read), [(&*names.clicks, 7, 0), (&*names.taps, 0, 1)]);
    let ship = when(address, &object("sink", "ship"), |body| {
        body["node"]["properties"]["lag"] == 2
    })
    .await;
    assert_eq!(reads(&ship), [(&*names.clicks, 2, 0)]);
    let group = "/api/v1/nodes?label=ConsumerGroup&limit=1000";
    let is_shown = |body: &Value, name: &str, declared: bool| {
        let mut items = body["items"].as_array().into_iter().flatten();
        items.any(|item| item["key"] == *name && item["properties"]["declared"] == declared)
    };
    when(address, group, |body| {
        is_shown(body, &stranger, false) && is_shown(body, &names.count, true)
    })
    .await;

    let clicks = [names.clicks.as_str()];
    for (expected, query) in [
        (
            [names.totals.as_str()],
            "MATCH (t:Topic {missing: true})<-[:WRITES]-(:Processor {lag: 7, uncommitted: 1}) \
             RETURN t.name AS name"
                .to_owned(),
        ),
        (
            clicks,
            "MATCH (:Processor)-[:READS {role: 'input', lag: 7, uncommitted: 0}]->(t:Topic) \
             RETURN t.name AS name"
                .to_owned(),
        ),
        (
            [names.taps.as_str()],
            "MATCH (:Processor)-[:READS {role: 'input', lag: 0, uncommitted: 1}]->(t:Topic) \
             RETURN t.name AS name"
                .to_owned(),
        ),
        (
            clicks,
            "MATCH (:Sink)-[:READS {role: 'sink', lag: 2, uncommitted: 0}]->(t:Topic) \
             RETURN t.name AS name"
                .to_owned(),
        ),
        (
            clicks,
            format!(
                "MATCH (:ConsumerGroup {{declared: false, members: 1, name: '{stranger}'}})\
                 -[:CONSUMES]->(t:Topic) RETURN t.name AS name"
            ),
        ),
        (
            [names.count.as_str()],
            "MATCH (:Processor)-[:IN_GROUP]->(g:ConsumerGroup {declared: true}) \
             -[:CONSUMES {lag: 7}]->(:Topic) RETURN g.name AS name"
                .to_owned(),
        ),
        (
            ["Kafka"],
            "MATCH (k:Kafka {stale: false}) RETURN k.name AS name".to_owned(),
        ),
    ] {
        holds(&database, &query, &expected).await;
    }

    create(&names.totals, 1).await;
    commit(&names.count, &names.clicks, &[(0, 10)]);
    commit(&names.count, &names.taps, &[(1, 5)]);
    let gone = found("missing-topic", &names.totals);
    when(address, path, |body| !gone(body)).await;
    let read = when(address, &count, |body| {
        body["node"]["properties"]["lag"] == 0 && body["node"]["properties"]["uncommitted"] == 0
    })
    .await;
    assert_eq!(reads(&read), [(&*names.clicks, 0, 0), (&*names.taps, 0, 0)]);
    reader.leave();
    let gone = found("undeclared-group", &stranger);
    when(address, path, |body| !gone(body)).await;
    stop.cancel();
    running.await.unwrap();
}

/// What an object reads, with lag and uncommitted partitions, by topic.
fn reads(object: &Value) -> Vec<(&str, i64, i64)> {
    let neighbours = object["items"].as_array().unwrap().iter();
    let reads = neighbours.filter(|one| one["edge"]["relation"] == "READS");
    let mut reads: Vec<_> = reads
        .map(|one| {
            let properties = &one["edge"]["properties"];
            (
                one["node"]["key"].as_str().unwrap(),
                properties["lag"].as_i64().unwrap(),
                properties["uncommitted"].as_i64().unwrap(),
            )
        })
        .collect();
    reads.sort();
    reads
}

/// Waits until the graph answers `query` so.
async fn holds(database: &Database, query: &str, expected: &[&str]) {
    for _ in 0..600 {
        if database.texts(query).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let found = database.texts(query).await;
    panic!("not so within a minute: {query}: {found:?}");
}
