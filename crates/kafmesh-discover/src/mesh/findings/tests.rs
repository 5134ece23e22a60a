//! Findings of small meshes.

use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::mesh::actual::ActualTopic;
use crate::mesh::description::{Component, Description, Output, Processor, TopicUse, Worker};
use crate::mesh::pod::{Answer, Instance, Observed, Pod, PodKey, Pods};

fn used(topic: &str) -> TopicUse {
    TopicUse {
        topic: topic.to_owned(),
        message: format!("m.{topic}"),
    }
}

/// A processor that reads `input`, writes `output`, and persists to a table named after its group.
fn processor(name: &str, group: &str, input: &str, output: &str) -> Processor {
    Processor {
        name: name.to_owned(),
        group: group.to_owned(),
        inputs: vec![used(input)],
        outputs: vec![Output {
            topic: output.to_owned(),
            message: format!("m.{output}"),
            description: String::new(),
        }],
        persistence: Some(used(&format!("{group}-table"))),
        ..Processor::default()
    }
}

fn sink(topic: &str, group: &str) -> Component {
    let sink = Worker {
        name: "out".to_owned(),
        topic: topic.to_owned(),
        message: format!("m.{topic}"),
        group: group.to_owned(),
        ..Worker::default()
    };
    Component {
        name: "c".to_owned(),
        sinks: vec![sink],
        ..Component::default()
    }
}

fn component(sources: &[&str], processors: Vec<Processor>) -> Component {
    Component {
        name: "c".to_owned(),
        sources: sources.iter().map(|topic| used(topic)).collect(),
        processors,
        ..Component::default()
    }
}

fn service(name: &str, component: Component, topics: &[(&str, TopicSettings)]) -> Description {
    let topics = topics.iter().map(|(name, settings)| {
        let settings = Some(*settings);
        let name = (*name).to_owned();
        crate::mesh::description::Topic { name, settings }
    });
    Description {
        service: name.to_owned(),
        components: vec![component],
        topics: topics.collect(),
        ..Description::default()
    }
}

fn partitions(partitions: i32) -> TopicSettings {
    TopicSettings {
        partitions,
        ..TopicSettings::default()
    }
}

fn compacted() -> TopicSettings {
    TopicSettings {
        compact: true,
        ..partitions(4)
    }
}

fn catalog(services: impl IntoIterator<Item = Description>) -> Catalog {
    let observed = services.into_iter().map(|description| {
        let name = description.service.clone();
        let pod = Pod {
            key: PodKey::new("n", &name),
            namespace: Some("n".to_owned()),
            name,
            uid: None,
            address: "127.0.0.1:1".to_owned(),
            tls: false,
            node: None,
            version: None,
        };
        let answer = Answer {
            at: Timestamp::UNIX_EPOCH,
            instance: Instance::default(),
            description: Arc::new(description),
        };
        let observed = Observed {
            pod,
            answer: Some(answer),
            failure: None,
        };
        (observed.pod.key.clone(), Arc::new(observed))
    });
    Catalog::new(&observed.collect::<Pods>())
}

fn actual(topics: &[(&str, i32)], groups: &[(&str, Option<u32>)]) -> Actual {
    let topics = topics.iter().map(|(name, partitions)| {
        let topic = ActualTopic {
            partitions: *partitions,
            replication: 1,
            end: Some(0),
        };
        ((*name).to_owned(), topic)
    });
    let groups = groups.iter().map(|(name, members)| {
        let group = ActualGroup {
            state: "Stable".to_owned(),
            members: *members,
            lag: BTreeMap::new(),
        };
        ((*name).to_owned(), group)
    });
    Actual {
        at: Timestamp::UNIX_EPOCH,
        topics: topics.collect(),
        groups: groups.collect(),
    }
}

/// What is found, as `kind subject`, in order.
fn kinds(catalog: &Catalog, actual: Option<&Actual>) -> Vec<String> {
    let found = findings(catalog, actual);
    found
        .iter()
        .map(|finding| {
            let kind = serde_json::to_value(finding.kind).unwrap();
            format!("{} {}", kind.as_str().unwrap(), finding.subject)
        })
        .collect()
}

/// A source, a processor and a sink, each in order.
fn whole() -> Vec<Description> {
    let counter = component(
        &["clicks"],
        vec![processor("p", "count", "clicks", "totals")],
    );
    let counter = service("counter", counter, &[("clicks", partitions(4))]);
    vec![counter, service("shipper", sink("totals", "ship"), &[])]
}

#[test]
fn a_mesh_in_order_has_no_findings() {
    let catalog = catalog(whole());
    let topics = [("clicks", 4), ("totals", 4), ("count-table", 4)];
    let actual = actual(&topics, &[("count", Some(1)), ("ship", None)]);
    assert_eq!(kinds(&catalog, None), Vec::<String>::new());
    assert_eq!(kinds(&catalog, Some(&actual)), Vec::<String>::new());
}

#[test]
fn what_kafka_has_otherwise_is_found() {
    let catalog = catalog(whole());
    let topics = [("clicks", 3), ("count-table", 4)];
    let actual = actual(&topics, &[("count", Some(0)), ("other", Some(2))]);
    assert_eq!(
        kinds(&catalog, Some(&actual)),
        [
            "missing-topic totals",
            "partition-count-differs clicks",
            "group-without-members count",
            "group-without-members ship",
            "undeclared-group other",
        ]
    );
}

#[test]
fn topics_that_lead_nowhere_or_come_from_nowhere_are_found() {
    let only_source = service("a", component(&["unread"], Vec::new()), &[]);
    let only_sink = service("b", sink("unwritten", "g"), &[]);
    assert_eq!(
        kinds(&catalog([only_source, only_sink]), None),
        ["unknown-producer unwritten", "unread-topic unread"]
    );
}

#[test]
fn two_writers_of_a_table_are_found() {
    let writer = |name| {
        service(
            name,
            component(&["table"], Vec::new()),
            &[("table", compacted())],
        )
    };
    let reader = service("r", sink("table", "g"), &[]);
    assert_eq!(
        kinds(&catalog([writer("a"), writer("b"), reader.clone()]), None),
        ["several-writers table"]
    );
    assert_eq!(
        kinds(&catalog([writer("a"), reader]), None),
        Vec::<String>::new()
    );
}

#[test]
fn processors_that_share_a_table_write_it_as_one_group() {
    let both = |second: &str| {
        let mut second = processor("q", second, "clicks", "totals");
        second.persistence = Some(used("g-table"));
        let processors = vec![processor("p", "g", "clicks", "totals"), second];
        let writer = service("w", component(&["clicks"], processors), &[]);
        catalog([writer, service("r", sink("totals", "s"), &[])])
    };
    assert_eq!(kinds(&both("g"), None), Vec::<String>::new());
    assert_eq!(kinds(&both("h"), None), ["several-writers g-table"]);
}

#[test]
fn contradictions_between_definitions_are_found() {
    let writer = |name, settings| service(name, component(&["t"], Vec::new()), &[("t", settings)]);
    let mut reader = sink("t", "g");
    reader.sinks[0].message = "other".to_owned();
    let all = [
        writer("a", partitions(1)),
        writer("b", partitions(2)),
        service("r", reader, &[]),
    ];
    let catalog = catalog(all);
    assert_eq!(
        kinds(&catalog, None),
        ["settings-differ t", "messages-differ t"]
    );
    let found = &findings(&catalog, None)[0];
    assert!(
        found
            .message
            .starts_with("a, b create it with 2 different settings; ")
    );
    assert_eq!(found.objects.len(), 2);
}

#[test]
fn lag_is_that_of_the_topics_consumed_through_the_group() {
    let catalog = catalog(whole());
    let mut actual = actual(&[], &[("count", Some(1))]);
    let processor = catalog.objects.values().find(|object| object.name == "p");
    let processor = processor.unwrap();
    assert_eq!(lag(processor, &actual), None);
    let behind = |records| Lag {
        records,
        uncommitted: 1,
    };
    let group = actual.groups.get_mut("count").unwrap();
    group.lag.insert("clicks".to_owned(), behind(7));
    group.lag.insert("count-table".to_owned(), behind(100));
    assert_eq!(lag(processor, &actual), Some(behind(7)));
}
