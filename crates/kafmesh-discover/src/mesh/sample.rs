//! Small meshes for tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::actual::{Actual, ActualGroup, ActualTopic};
use super::catalog::Catalog;
use super::description::{
    Component, Description, Output, Processor, Topic, TopicSettings, TopicUse, Worker,
};
use super::pod::{Answer, Failure, FailureKind, Instance, Observed, Pod, PodKey, Pods};

pub(super) fn used(topic: &str) -> TopicUse {
    TopicUse {
        topic: topic.to_owned(),
        message: format!("m.{topic}"),
    }
}

/// A processor that reads `input`, writes `output`, and persists to a table named after its group.
pub(super) fn processor(name: &str, group: &str, input: &str, output: &str) -> Processor {
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

pub(super) fn sink(topic: &str, group: &str) -> Component {
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

pub(super) fn component(sources: &[&str], processors: Vec<Processor>) -> Component {
    Component {
        name: "c".to_owned(),
        sources: sources.iter().map(|topic| used(topic)).collect(),
        processors,
        ..Component::default()
    }
}

pub(super) fn service(
    name: &str,
    component: Component,
    topics: &[(&str, TopicSettings)],
) -> Description {
    let topics = topics.iter().map(|(name, settings)| {
        let settings = Some(*settings);
        let name = (*name).to_owned();
        Topic { name, settings }
    });
    Description {
        service: name.to_owned(),
        components: vec![component],
        topics: topics.collect(),
        ..Description::default()
    }
}

pub(super) fn partitions(partitions: i32) -> TopicSettings {
    TopicSettings {
        partitions,
        ..TopicSettings::default()
    }
}

pub(super) fn compacted() -> TopicSettings {
    TopicSettings {
        compact: true,
        ..partitions(4)
    }
}

/// What pods say, and whether they are live.
pub(super) fn pods(said: impl IntoIterator<Item = (Description, bool)>) -> Pods {
    let observed = said
        .into_iter()
        .enumerate()
        .map(|(number, (description, is_live))| {
            let name = number.to_string();
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
            let failure = Failure {
                since: Timestamp::UNIX_EPOCH,
                kind: FailureKind::Unreachable,
                message: "nobody listens".to_owned(),
            };
            let observed = Observed {
                pod,
                answer: Some(answer),
                failure: (!is_live).then_some(failure),
            };
            (observed.pod.key.clone(), Arc::new(observed))
        });
    observed.collect()
}

pub(super) fn catalog(services: impl IntoIterator<Item = Description>) -> Catalog {
    let live = services.into_iter().map(|service| (service, true));
    Catalog::new(&pods(live))
}

/// Topics with so many partitions, all without records, and groups with so many members that have committed
/// nothing.
pub(super) fn actual(topics: &[(&str, i32)], groups: &[(&str, Option<u32>)]) -> Actual {
    let topics = topics.iter().map(|(name, partitions)| {
        let topic = ActualTopic {
            partitions: *partitions,
            replication: 1,
            end: Some(0),
            with_records: 0,
            unknown: 0,
        };
        ((*name).to_owned(), topic)
    });
    let groups = groups.iter().map(|(name, members)| {
        let group = ActualGroup {
            state: "Stable".to_owned(),
            members: *members,
            lag: Some(BTreeMap::new()),
        };
        ((*name).to_owned(), group)
    });
    Actual {
        at: Timestamp::UNIX_EPOCH,
        failing_since: None,
        topics: topics.collect(),
        missing_topics: BTreeSet::new(),
        groups: groups.collect(),
        missing_groups: BTreeSet::new(),
    }
}

/// A source, a processor and a sink, each in order.
pub(super) fn whole() -> Vec<Description> {
    let counter = component(
        &["clicks"],
        vec![processor("p", "count", "clicks", "totals")],
    );
    let counter = service("counter", counter, &[("clicks", partitions(4))]);
    vec![counter, service("shipper", sink("totals", "ship"), &[])]
}
