//! Pods, what they say, and meshes of them.

use std::sync::Arc;

use jiff::Timestamp;
use kafmesh_discover::mesh::Mesh;
use kafmesh_discover::mesh::description::{
    Component, Description, Message, Output, Processor, Topic, TopicSettings, TopicUse, Worker,
};
use kafmesh_discover::mesh::pod::{
    Answer, Failure, FailureKind, Instance, Observed, Pod, PodKey, Pods,
};
use kafmesh_discover::mesh::run::{RunKind, ScrapeRun};

/// A time, in seconds after the tests' beginning of time.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// One use of a topic.
pub fn used(topic: &str, message: &str) -> TopicUse {
    TopicUse {
        topic: topic.into(),
        message: message.into(),
    }
}

/// A service that counts clicks: a source, a processor with everything, a view, a sink.
pub fn clicks() -> Description {
    let worker = |name: &str, topic: &str, message: &str| Worker {
        name: name.into(),
        description: format!("Does {name}"),
        topic: topic.into(),
        message: message.into(),
        group: format!("clicks.math.{name}"),
    };
    Description {
        service: "clicks".into(),
        description: "Counts clicks".into(),
        components: vec![Component {
            name: "math".into(),
            description: "Adds up".into(),
            sources: vec![used("clicks.userId.click", "userId.click")],
            processors: vec![Processor {
                name: "totalClicks".into(),
                description: "Counts the clicks of a user".into(),
                group: "clicks.math.totalClicks".into(),
                inputs: vec![used("clicks.userId.click", "userId.click")],
                joins: vec![used("users.userId.details", "userId.details")],
                lookups: vec![used("shops.shopId.details", "shopId.details")],
                outputs: vec![Output {
                    topic: "clicks.userId.totalClicks".into(),
                    message: "userId.totalClicks".into(),
                    description: "The new total".into(),
                }],
                persistence: Some(used("clicks.math.totalClicks-table", "userId.state")),
            }],
            views: vec![used("clicks.userId.totalClicks", "userId.totalClicks")],
            sinks: vec![worker(
                "warehouse",
                "clicks.userId.totalClicks",
                "userId.totalClicks",
            )],
            view_sources: vec![worker("shops", "shops.shopId.details", "shopId.details")],
            view_sinks: vec![worker(
                "report",
                "clicks.userId.totalClicks",
                "userId.totalClicks",
            )],
        }],
        messages: vec![
            Message {
                name: "userId.click".into(),
                message_type: "userId.Click".into(),
            },
            Message {
                name: "userId.totalClicks".into(),
                message_type: "userId.TotalClicks".into(),
            },
        ],
        topics: vec![
            created("clicks.userId.click", false),
            created("clicks.userId.totalClicks", true),
            Topic {
                name: "users.userId.details".into(),
                settings: None,
            },
        ],
    }
}

/// A service that keeps `users.userId.details`, and reads the clicks.
pub fn users() -> Description {
    Description {
        service: "users".into(),
        description: "Knows the users".into(),
        components: vec![Component {
            name: "details".into(),
            sources: vec![used("users.userId.details", "userId.details")],
            processors: vec![Processor {
                name: "follow".into(),
                group: "users.details.follow".into(),
                inputs: vec![used("clicks.userId.totalClicks", "userId.totalClicks")],
                outputs: vec![Output {
                    topic: "users.userId.active".into(),
                    message: "userId.active".into(),
                    description: String::new(),
                }],
                ..Processor::default()
            }],
            ..Component::default()
        }],
        topics: vec![created("users.userId.details", true)],
        ..Description::default()
    }
}

/// A topic that a service creates.
pub fn created(name: &str, compact: bool) -> Topic {
    Topic {
        name: name.into(),
        settings: Some(TopicSettings {
            partitions: 10,
            replication: 3,
            compact,
            retention_ms: 86_400_000,
            segment_ms: 3_600_000,
        }),
    }
}

/// A pod of the namespace `shop`.
pub fn pod(name: &str) -> Pod {
    Pod {
        key: PodKey::new("shop", name),
        namespace: Some("shop".into()),
        name: name.into(),
        uid: Some(format!("uid of {name}")),
        address: "127.0.0.1:443".into(),
        tls: false,
        node: Some("node-1".into()),
        version: Some("1.0".into()),
    }
}

/// A pod that said this at that second.
pub fn answered(name: &str, second: i64, description: &Arc<Description>) -> Observed {
    Observed {
        pod: pod(name),
        answer: Some(Answer {
            at: at(second),
            instance: Instance {
                name: name.into(),
                kafmesh_version: "0.1.0".into(),
                started_at: Some(at(second - 10)),
                watch: true,
            },
            description: description.clone(),
        }),
        failure: None,
    }
}

/// The same pod, unreachable since that second.
pub fn unreachable(observed: Observed, second: i64) -> Observed {
    Observed {
        failure: Some(Failure {
            since: at(second),
            kind: FailureKind::Unreachable,
            message: "nobody listens at 127.0.0.1:443".into(),
        }),
        ..observed
    }
}

/// Pods by key.
pub fn pods(observed: impl IntoIterator<Item = Observed>) -> Pods {
    let observed = observed.into_iter();
    observed
        .map(|observed| (observed.pod.key.clone(), Arc::new(observed)))
        .collect()
}

/// A mesh after a full scrape that began at that second and that all live pods answered.
pub fn mesh(second: i64, observed: impl IntoIterator<Item = Observed>) -> Mesh {
    let pods = pods(observed);
    let run = run(&format!("run-{second:06}"), second, &pods);
    Mesh::new(1, pods, None, vec![run])
}

/// A full scrape of `pods`.
pub fn run(id: &str, second: i64, pods: &Pods) -> ScrapeRun {
    let live = pods.values().filter(|observed| observed.failure.is_none());
    let observed: Arc<[PodKey]> = live.map(|observed| observed.pod.key.clone()).collect();
    ScrapeRun {
        id: id.into(),
        started: at(second),
        ended: at(second + 1),
        kind: RunKind::Full,
        asked: pods.len(),
        answered: observed.len(),
        failed: pods.len() - observed.len(),
        observed,
    }
}

/// The pods of `services` services with 3 pods each and `topics` topics, ten objects a service:
/// every service reads what the one before it writes. `changed` services have another description and
/// an object more.
pub fn large(services: usize, topics: usize, changed: usize) -> Pods {
    let per_service = topics / services;
    let service = |n: usize| {
        let topic = |n: usize, t: usize| format!("service{n}.key.message{t}");
        let before = (n + services - 1) % services;
        let count = per_service + usize::from(n < changed);
        let mut component = |c: usize| {
            let of = |t: usize| t % 2 == c;
            Component {
                name: format!("component{c}"),
                description: "Half of the service".into(),
                processors: (0..count)
                    .filter(|&t| of(t))
                    .map(|t| Processor {
                        name: format!("processor{t}"),
                        description: "Takes what the service before writes".into(),
                        group: format!("service{n}.component{c}.processor{t}"),
                        inputs: vec![used(&topic(before, t), &format!("key.message{t}"))],
                        outputs: vec![Output {
                            topic: topic(n, t),
                            message: format!("key.message{t}"),
                            description: "What comes out".into(),
                        }],
                        ..Processor::default()
                    })
                    .collect(),
                ..Component::default()
            }
        };
        Description {
            service: format!("service{n}"),
            description: if n < changed {
                "Changed"
            } else {
                "One of many"
            }
            .into(),
            components: (0..2).map(&mut component).collect(),
            messages: Vec::new(),
            topics: (0..count).map(|t| created(&topic(n, t), false)).collect(),
        }
    };
    let mut all = Vec::new();
    for n in 0..services {
        let description = Arc::new(service(n));
        for p in 0..3 {
            all.push(answered(&format!("service{n}-{p}"), 0, &description));
        }
    }
    pods(all)
}
