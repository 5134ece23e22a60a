//! What kafmesh-discover finds with and without each right that it needs where Kafka has ACLs, and which right it says
//! is missing.

use std::net::SocketAddr;
use std::time::Duration;

use kafmesh_discover::config::{self, Config};
use kafmesh_discover::run::Discover;
use kafmesh_mesh_tests::acls::{self, Resource};
use kafmesh_mesh_tests::pods::FakePod;
use kafmesh_mesh_tests::servers;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::declared::{Names, counter, get};
use crate::{Member, brokers, commit, create, produce, unique};

fn acl_brokers() -> String {
    servers::required("KAFMESH_TEST_ACL_BROKERS", "cargo xtask servers kafka")
}

/// What is told of a service that declares the topics `clicks`, `taps` and `totals`, of which the last is not there, and
/// the groups `count`, which has a member and has not read 7 of the `clicks`, and `ship`, which is not there. A group
/// `stranger` has a member, too.
#[derive(Debug, PartialEq)]
struct Told {
    /// What is found by asking Kafka, as `kind subject`, in order.
    findings: Vec<&'static str>,
    /// The topics that are listed as Kafka's.
    topics: Vec<&'static str>,
    /// The groups that are listed as Kafka's.
    groups: Vec<&'static str>,
    /// Of the processor in the group `count`.
    members: Option<i64>,
    /// Of the same: the records it is behind, and the partitions of which that is not known.
    lag: Option<(i64, i64)>,
    /// How reading Kafka fails, if it does.
    failure: Option<String>,
}

impl Told {
    async fn now(address: SocketAddr, names: &Names, stranger: &str) -> Self {
        let names = [
            (names.clicks.as_str(), "clicks"),
            (&names.taps, "taps"),
            (&names.totals, "totals"),
            (&names.count, "count"),
            (&names.ship, "ship"),
            (stranger, "stranger"),
        ];
        let short = |name: &Value| {
            let found = names.iter().find(|(unique, _)| name == unique);
            found.map(|(_, short)| *short)
        };
        let all = async |path: &str, one: &dyn Fn(&Value) -> Option<&'static str>| {
            let items = get(address, path).await;
            let mut all: Vec<_> = items["items"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(one)
                .collect();
            all.sort_unstable();
            all
        };
        let findings = all("/api/v1/findings?limit=1000", &|finding| {
            match (finding["kind"].as_str()?, short(&finding["subject"])?) {
                ("missing-topic", "totals") => Some("missing-topic totals"),
                ("group-without-members", "ship") => Some("group-without-members ship"),
                ("undeclared-group", "stranger") => Some("undeclared-group stranger"),
                // Those that need no Kafka.
                ("unread-topic" | "unknown-producer", _) => None,
                _ => Some("another"),
            }
        })
        .await;
        let name = |item: &Value| short(&item["name"]);
        let topics = all("/api/v1/kafka/topics?limit=1000", &name).await;
        let groups = all("/api/v1/kafka/groups?limit=1000", &name).await;
        let count = get(
            address,
            "/api/v1/services/counter/components/math/objects/processor/count",
        )
        .await;
        let number = |property: &str| count["node"]["properties"][property].as_i64();
        let kafka = &get(address, "/health/ready").await["parts"]["kafka"];
        Self {
            findings,
            topics,
            groups,
            members: number("members"),
            lag: number("lag").map(|lag| (lag, number("lagUnknown").unwrap_or_default())),
            failure: match kafka["state"].as_str() {
                Some("working") => None,
                _ => Some(names.iter().fold(
                    kafka["why"].as_str().unwrap().to_owned(),
                    |why, (unique, short)| why.replace(unique, short),
                )),
            },
        }
    }
}

/// Gives `user`, who has no others, `rights`, and compares what is told then. Of a failure `expected` has a part.
async fn check(user: &str, rights: &[Resource], expected: Told) {
    let brokers = brokers();
    let broker = brokers.split(',').next().unwrap();
    acls::allow_describe(broker, user, rights);
    let (names, stranger) = (Names::unique(), unique("stranger"));
    create(&names.clicks, 4).await;
    create(&names.taps, 1).await;
    produce(&names.clicks, 0, 10);
    commit(&names.count, &names.clicks, &[(0, 3)]);
    let members = [&names.count, &stranger].map(|group| Member::of(group, &names.taps, "classic"));
    let pod = FakePod::serving(counter(&names)).await;

    let properties = [
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanisms", "PLAIN"),
        ("sasl.username", user),
        ("sasl.password", user),
    ];
    let properties = properties.map(|(name, value)| (name.to_owned(), config::Secret::new(value)));
    let mut config = Config::default();
    config.listen.set_port(0);
    config.scrape.kubernetes = config::Kubernetes::Off;
    config.scrape.targets.push(pod.address().to_string());
    config.kafka = Some(config::Kafka {
        brokers: acl_brokers(),
        properties: properties.into(),
        interval: Duration::from_millis(200),
    });
    let discover = Discover::start(config).await.unwrap();
    let address = discover.address();
    let stop = CancellationToken::new();
    let running = tokio::spawn(discover.run(stop.clone()));

    let mut told = Told::now(address, &names, &stranger).await;
    for _ in 0..600 {
        if let (Some(whole), Some(part)) = (&told.failure, &expected.failure)
            && whole.contains(part)
            && whole.matches(READ).count() == part.matches(READ).count()
        {
            told.failure.clone_from(&expected.failure);
        }
        if told == expected {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        told = Told::now(address, &names, &stranger).await;
    }
    assert_eq!(told, expected, "after a minute");
    for member in members {
        member.leave();
    }
    stop.cancel();
    running.await.unwrap();
}

/// What is said of each reason why something cannot be read.
const READ: &str = "could not be read";

/// What is said when the right on `what` is missing, for so many more than the one that is named.
fn refused(more: &str, what: &str) -> String {
    format!("{more} {READ}: kafmesh-discover lacks the right `Describe` on {what}")
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_rights_on_topics_and_groups_everything_is_told() {
    let expected = Told {
        findings: vec![
            "group-without-members ship",
            "missing-topic totals",
            "undeclared-group stranger",
        ],
        topics: vec!["clicks", "taps"],
        groups: vec!["count", "stranger"],
        members: Some(1),
        lag: Some((7, 0)),
        failure: None,
    };
    check(
        "topics-groups",
        &[Resource::Topics, Resource::Groups],
        expected,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_on_topics_none_is_called_missing() {
    let expected = Told {
        findings: vec!["group-without-members ship", "undeclared-group stranger"],
        topics: vec![],
        groups: vec!["count", "stranger"],
        members: Some(1),
        lag: None,
        failure: Some(refused(" and 2 more", "topics")),
    };
    check("groups", &[Resource::Groups], expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_on_groups_none_is_said_to_have_no_members() {
    let expected = Told {
        findings: vec!["missing-topic totals"],
        topics: vec!["clicks", "taps"],
        groups: vec![],
        members: None,
        lag: Some((0, 5)),
        failure: Some(refused(" and 1 more", "groups")),
    };
    check("topics", &[Resource::Topics], expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_on_the_cluster_lists_groups_without_members_and_lag() {
    let expected = Told {
        findings: vec!["missing-topic totals", "undeclared-group stranger"],
        topics: vec!["clicks", "taps"],
        groups: vec!["count", "stranger"],
        members: None,
        lag: Some((0, 5)),
        failure: Some(refused("", "groups")),
    };
    check(
        "topics-cluster",
        &[Resource::Topics, Resource::Cluster],
        expected,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_right_each_is_told_to_be_missing() {
    let expected = Told {
        findings: vec![],
        topics: vec![],
        groups: vec![],
        members: None,
        lag: None,
        failure: Some(format!(
            "the members of group count{}; topic clicks{}",
            refused(" and 1 more", "groups"),
            refused(" and 2 more", "topics")
        )),
    };
    check("nothing", &[], expected).await;
}
