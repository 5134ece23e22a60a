//! Nodes found by words.

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::description::{Component, Description, Message, Processor, TopicUse};
use kafmesh_discover::mesh::pod::Pods;
use serde_json::Value;

use crate::fixture::{Fixture, encoded, get, mesh, pod};
use crate::paths::keys;

async fn search(mesh: Mesh, query: &str) -> Value {
    let router = Fixture::new(mesh).router();
    let path = format!("/api/v1/search?limit=1000&q={}", encoded(query));
    get(&router, &path).await.json()
}

/// What was found, and where.
async fn found(mesh: Mesh, query: &str) -> Vec<(String, String)> {
    let found = search(mesh, query).await;
    let fields = found["items"].as_array().unwrap().iter();
    let fields = fields.map(|hit| hit["field"].as_str().unwrap().to_owned());
    keys(&found).into_iter().zip(fields).collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    let pairs = pairs.map(|(node, field)| (node.to_owned(), field.to_owned()));
    pairs.into()
}

/// A processor of the component `all`, the topic it reads, and its message.
fn bills() -> Mesh {
    let description = Description {
        service: "billing".to_owned(),
        description: "Invoice by invoice.".to_owned(),
        components: vec![Component {
            name: "all".to_owned(),
            processors: vec![Processor {
                name: "reinvoiced".to_owned(),
                description: "Whatever an invoice needs.".to_owned(),
                group: "invoice".to_owned(),
                inputs: vec![TopicUse {
                    topic: "bills".to_owned(),
                    message: "billId.bill".to_owned(),
                }],
                ..Processor::default()
            }],
            ..Component::default()
        }],
        messages: vec![Message {
            name: "billId.bill".to_owned(),
            message_type: "billing.v1.Invoice".to_owned(),
        }],
        ..Description::default()
    };
    Mesh::new(
        1,
        Pods::from([pod("b", "127.0.0.1:1", description)]),
        None,
        Vec::new(),
    )
}

#[tokio::test]
async fn names_come_before_types_and_those_before_descriptions() {
    // The name has the word in its middle, the type has it whole, the description begins with it.
    let expected = [
        ("Processor billing/all/processor/reinvoiced", "name"),
        ("Message billId.bill", "types"),
        ("Service billing", "description"),
    ];
    assert_eq!(found(bills(), "INVOICE").await, pairs(expected));
}

#[tokio::test]
async fn an_object_is_found_by_its_topics_and_a_topic_by_its_messages() {
    let expected = [
        ("Topic bills", "name"),
        ("Processor billing/all/processor/reinvoiced", "topics"),
    ];
    assert_eq!(found(bills(), "bills").await, pairs(expected));
    let expected = [("Message billId.bill", "name"), ("Topic bills", "messages")];
    assert_eq!(found(bills(), "billid.bill").await, pairs(expected));
    // All that it uses: what it joins, what it writes, where it persists.
    for topic in [
        "shop.orders",
        "crm.customers",
        "prices",
        "shop.totals",
        "shop.totals-state",
    ] {
        let found = found(mesh(), topic).await;
        let processor = (
            "Processor shop/orders/processor/totals".to_owned(),
            "topics".to_owned(),
        );
        assert!(found.contains(&processor), "{topic}: {found:?}");
    }
}

#[tokio::test]
async fn each_word_may_be_elsewhere() {
    let expected = [("Processor shop/orders/processor/totals", "description")];
    assert_eq!(found(mesh(), "adds UP").await, pairs(expected));
    let expected = [("Processor shop/orders/processor/totals", "name")];
    assert_eq!(found(mesh(), "totals adds shop").await, pairs(expected));
    assert_eq!(found(mesh(), "totals nowhere").await, []);
}

#[tokio::test]
async fn an_exact_name_comes_first() {
    let found = found(mesh(), "totals").await;
    let best = (
        "Processor shop/orders/processor/totals".to_owned(),
        "name".to_owned(),
    );
    assert_eq!(found.first(), Some(&best));
}

#[tokio::test]
async fn what_nobody_looks_for_is_not_searched() {
    for query in [
        "1970",           // times
        "127.0.0.1",      // addresses
        "nobody listens", // messages of failures
        "unreachable",    // their kinds
        "Stable",         // states of groups
        "1.2.3",          // versions
        "0.1.0",
        "processor", // keys
        "run-1",
    ] {
        assert_eq!(found(mesh(), query).await, [], "{query}");
    }
    let services = get(&Fixture::new(mesh()).router(), "/api/v1/services").await;
    let services = services.json();
    let shop = services["items"].as_array().unwrap().iter();
    let mut shop = shop.filter(|service| service["key"] == "shop");
    let fingerprint = shop.next().unwrap()["properties"]["fingerprints"][0].clone();
    assert_eq!(found(mesh(), fingerprint.as_str().unwrap()).await, []);
}

#[tokio::test]
async fn words_that_are_given_twice_count_once() {
    let often = search(mesh(), &["totals"; 20].join(" ")).await;
    assert_eq!(often, search(mesh(), "totals").await);
}
