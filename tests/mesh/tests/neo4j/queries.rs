//! The queries of docs/reference/cypher.md, as they stand there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::actual::{Actual, ActualGroup, ActualTopic, Lag};
use kafmesh_discover::mesh::description::Worker;
use kafmesh_discover::store::Store;
use kafmesh_mesh_tests::neo4j::Database;
use kafmesh_mesh_tests::sample::{answered, at, clicks, mesh, unreachable, used, users};
use neo4rs::{BoltType, Row, query};

/// A question of the page with its query.
fn queries() -> BTreeMap<String, String> {
    let page = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/cypher.md"
    );
    let page = std::fs::read_to_string(page).unwrap();
    let mut queries = BTreeMap::new();
    let mut heading = String::new();
    for (n, part) in page.split("```").enumerate() {
        match part.strip_prefix("cypher\n") {
            Some(query) if n % 2 == 1 => {
                let before = queries.insert(heading.clone(), query.to_owned());
                assert_eq!(before, None, "two queries under {heading}");
            }
            _ => {
                let mut headings = part.lines().filter_map(|line| line.strip_prefix("## "));
                heading = headings.next_back().map_or(heading, str::to_owned);
            }
        }
    }
    queries
}

/// What Kafka says of the mesh: one topic is missing and one differs, a processor is behind, a sink has never
/// committed, somebody else reads along; and it cannot be read any more.
fn actual(mesh: &Mesh) -> Actual {
    let topics = mesh.catalog.topics.keys();
    let topics = topics.filter(|name| &***name != "users.userId.details");
    let topics = topics.map(|name| {
        let topic = ActualTopic {
            partitions: if &**name == "clicks.userId.click" {
                12
            } else {
                10
            },
            replication: 3,
            end: Some(100),
            with_records: 4,
            unknown: 0,
        };
        (name.to_string(), topic)
    });
    let lag = |topic: &str, records| {
        let lag = Lag {
            records,
            uncommitted: 1,
            unknown: 0,
        };
        Some([(topic.to_owned(), lag)].into())
    };
    let groups = [
        ("clicks.math.totalClicks", 2, lag("clicks.userId.click", 7)),
        ("clicks.math.warehouse", 0, Some(BTreeMap::new())),
        ("reports", 1, lag("clicks.userId.totalClicks", 9)),
        ("left", 0, lag("clicks.userId.totalClicks", 50)),
    ];
    let groups = groups.map(|(name, members, lag)| {
        let group = ActualGroup {
            state: if members > 0 { "Stable" } else { "Empty" }.to_owned(),
            members: Some(members),
            lag,
        };
        (name.to_owned(), group)
    });
    let groups: BTreeMap<_, _> = groups.into();
    let declared = mesh.catalog.groups();
    let missing = declared.keys().filter(|name| !groups.contains_key(**name));
    Actual {
        at: at(100),
        failing_since: Some(at(130)),
        topics: topics.collect(),
        missing_topics: ["users.userId.details".to_owned()].into(),
        missing_groups: missing.map(|name| (*name).to_owned()).collect(),
        groups,
    }
}

#[tokio::test]
async fn each_query_of_the_page_answers_its_question() {
    let database = Database::alone().await;
    let mut newer = clicks();
    newer.components[0]
        .sources
        .push(used("clicks.userId.tap", "userId.tap"));
    let mut other = users();
    other.service = "copies".into();
    other.components[0].processors.clear();
    other.components[0].view_sinks = vec![Worker {
        name: "export".into(),
        topic: "nowhere.fromHere".into(),
        ..Worker::default()
    }];
    // What no live pod reports any more.
    let mut older = clicks();
    older.components[0]
        .views
        .push(used("clicks.userId.click", "userId.click"));
    let mesh = mesh(
        0,
        [
            unreachable(answered("clicks-0", 0, &Arc::new(older)), 30),
            answered("clicks-1", 0, &Arc::new(clicks())),
            answered("clicks-2", 0, &Arc::new(newer)),
            unreachable(answered("users-1", 0, &Arc::new(users())), 30),
            answered("copies-1", 0, &Arc::new(other)),
        ],
    );
    let actual = Some(Arc::new(actual(&mesh)));
    let mesh = Mesh::new(1, mesh.pods, actual, mesh.runs);
    database
        .store()
        .write(&mesh, &BTreeSet::new())
        .await
        .unwrap();

    let expected: &[(&str, &[&str])] = &[
        (
            "Who reads this topic?",
            &[
                "clicks/math/sink/warehouse sink",
                "clicks/math/view-sink/report view",
                "clicks/math/view/clicks.userId.totalClicks view",
                "users/details/processor/follow input",
            ],
        ),
        (
            "Who writes this topic?",
            &["clicks/math/processor/totalClicks WRITES"],
        ),
        (
            "What is downstream of this service?",
            &["users/details/processor/follow"],
        ),
        (
            "What is upstream of this service?",
            &[
                "clicks/math/processor/totalClicks",
                "clicks/math/source/clicks.userId.click",
                "clicks/math/view-source/shops",
                "copies/details/source/users.userId.details",
            ],
        ),
        (
            "Which topics does nobody read?",
            &["clicks.userId.tap", "users.userId.active"],
        ),
        (
            "Which topics have unknown producers?",
            &["nowhere.fromHere"],
        ),
        (
            "Which topics are missing in Kafka?",
            &["users.userId.details copies, users"],
        ),
        (
            "Which topics have another number of partitions than they are declared with?",
            &["clicks.userId.click 10 12"],
        ),
        (
            "What is behind, and in which topic?",
            &[
                "clicks/math/processor/totalClicks clicks.userId.click 7 1",
                "clicks/math/sink/warehouse clicks.userId.totalClicks 0 4",
                "users/details/processor/follow clicks.userId.totalClicks 0 4",
            ],
        ),
        (
            "Who consumes this topic, declared or not?",
            &["left false 50", "reports false 9"],
        ),
        (
            "Which consumer groups run without being declared?",
            &["reports 1 clicks.userId.totalClicks"],
        ),
        (
            "What is declared, and nobody is in its consumer group?",
            &[
                "clicks/math/sink/warehouse clicks.math.warehouse",
                "clicks/math/view-sink/report clicks.math.report",
                "clicks/math/view-source/shops clicks.math.shops",
            ],
        ),
        (
            "Is what Kafka says up to date?",
            &["true 2027-01-15T08:01:40.000Z 2027-01-15T08:02:10.000Z"],
        ),
        (
            "Which tables have more than one writer?",
            &["users.userId.details copies, users"],
        ),
        (
            "Which pods run this processor?",
            &["shop/clicks-0", "shop/clicks-1", "shop/clicks-2"],
        ),
        (
            "What is stale?",
            &[
                "Component details",
                "Kafka Kafka",
                "Message userId.active",
                "Pod clicks-0",
                "Pod users-1",
                "Processor follow",
                "Service users",
                "Source users.userId.details",
                "Topic users.userId.active",
                "View clicks.userId.click",
            ],
        ),
        (
            "Which pods do not answer?",
            &["shop/clicks-0 unreachable", "shop/users-1 unreachable"],
        ),
        ("Which services run in two versions?", &["clicks 3"]),
        (
            "What do only some pods of a service run?",
            &["clicks/math/source/clicks.userId.tap clicks-2"],
        ),
        (
            "Which message types are in this topic?",
            &["userId.click userId.Click"],
        ),
        (
            "Which topics do several services create?",
            &["users.userId.details copies, users"],
        ),
        ("What was scraped last?", &["run-000000 5 3 2"]),
        (
            "How does a record get from one topic to another?",
            &[
                "clicks.userId.click, totalClicks, clicks.userId.totalClicks, follow, \
                 users.userId.active",
            ],
        ),
    ];
    let queries = queries();
    let asked: BTreeSet<&str> = expected.iter().map(|(question, _)| *question).collect();
    let answered: BTreeSet<&str> = queries.keys().map(String::as_str).collect();
    assert_eq!(asked, answered);
    for (question, expected) in expected {
        let statement = query(&queries[*question])
            .param("topic", "clicks.userId.totalClicks")
            .param(
                "service",
                if question.contains("upstream") {
                    "users"
                } else {
                    "clicks"
                },
            )
            .param("component", "math")
            .param("processor", "totalClicks")
            .param("from", "clicks.userId.click")
            .param("to", "users.userId.active");
        let statement = if question.contains("message types") {
            statement.param("topic", "clicks.userId.click")
        } else {
            statement
        };
        let columns = columns(&queries[*question]);
        let rows = database.rows(statement).await;
        let rows: Vec<String> = rows.iter().map(|row| line(row, &columns)).collect();
        assert_eq!(rows, *expected, "{question}");
    }
}

/// The names of a query's columns, in order.
fn columns(query: &str) -> Vec<&str> {
    let (_, returned) = query.rsplit_once("RETURN").unwrap();
    let (returned, _) = returned.split_once("ORDER BY").unwrap_or((returned, ""));
    let named = returned.split(" AS ").skip(1);
    named
        .map(|rest| rest.split([',', '\n', ' ']).next().unwrap())
        .collect()
}

/// A row as text.
fn line(row: &Row, columns: &[&str]) -> String {
    let columns = columns.iter().map(|name| {
        let value: BoltType = row.get(name).unwrap();
        match value {
            BoltType::String(text) => text.value,
            BoltType::Integer(number) => number.value.to_string(),
            BoltType::Boolean(flag) => flag.value.to_string(),
            BoltType::List(all) => Vec::<String>::from(all).join(", "),
            other => panic!("{name}: {other:?}"),
        }
    });
    columns.collect::<Vec<_>>().join(" ")
}
