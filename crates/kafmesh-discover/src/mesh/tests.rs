//! What holds for the graph of any pods.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;

use super::Mesh;
use super::description::{Component, Description, Output, Processor, TopicUse, Worker};
use super::graph::{Label, Relation, property_name};
use super::index::Direction;
use super::pod::{Answer, Failure, FailureKind, Instance, Observed, Pod, PodKey, Pods};

fn name() -> impl Strategy<Value = String> {
    prop_oneof![Just("a"), Just("b"), Just("a/b"), Just("%"), Just("")].prop_map(str::to_owned)
}

fn topic() -> impl Strategy<Value = TopicUse> {
    (name(), name()).prop_map(|(topic, message)| TopicUse { topic, message })
}

fn topics() -> impl Strategy<Value = Vec<TopicUse>> {
    prop::collection::vec(topic(), 0..3)
}

fn component() -> impl Strategy<Value = Component> {
    let processor = (
        name(),
        topics(),
        topics(),
        topics(),
        prop::option::of(topic()),
    )
        .prop_map(|(name, inputs, joins, outputs, persistence)| Processor {
            name,
            inputs,
            joins,
            outputs: outputs
                .into_iter()
                .map(|TopicUse { topic, message }| Output {
                    topic,
                    message,
                    description: String::new(),
                })
                .collect(),
            persistence,
            ..Processor::default()
        });
    let worker = (name(), topic()).prop_map(|(name, used)| Worker {
        name,
        topic: used.topic,
        message: used.message,
        ..Worker::default()
    });
    (
        name(),
        topics(),
        prop::collection::vec(processor, 0..3),
        prop::collection::vec(worker, 0..2),
        topics(),
    )
        .prop_map(|(name, sources, processors, sinks, views)| Component {
            name,
            sources,
            processors,
            sinks,
            views,
            ..Component::default()
        })
}

fn description() -> impl Strategy<Value = Description> {
    (name(), prop::collection::vec(component(), 0..3)).prop_map(|(service, components)| {
        Description {
            service,
            components,
            ..Description::default()
        }
    })
}

fn pods() -> impl Strategy<Value = Pods> {
    prop::collection::vec((prop::option::of(description()), any::<bool>()), 0..5).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        let pods = numbered.map(|(n, (said, fails))| observed(n, said, fails));
        pods.map(|pod| (pod.pod.key.clone(), Arc::new(pod)))
            .collect()
    })
}

fn observed(n: usize, said: Option<Description>, fails: bool) -> Observed {
    let name = format!("pod-{n}");
    Observed {
        pod: Pod {
            key: PodKey::new("test", &name),
            namespace: Some("test".into()),
            name,
            uid: None,
            address: "127.0.0.1:1".into(),
            tls: false,
            node: None,
            version: None,
        },
        failure: (fails || said.is_none()).then(|| Failure {
            since: Timestamp::UNIX_EPOCH,
            kind: FailureKind::Timeout,
            message: "no answer".into(),
        }),
        answer: said.map(|description| Answer {
            at: Timestamp::UNIX_EPOCH,
            instance: Instance::default(),
            description: Arc::new(description),
        }),
    }
}

fn mesh(pods: Pods) -> Mesh {
    Mesh::new(1, pods, None, Vec::new())
}

/// The same description with everything in another order.
fn reversed(description: &Description) -> Description {
    let mut description = description.clone();
    description.components.reverse();
    for component in &mut description.components {
        component.sources.reverse();
        component.views.reverse();
        component.sinks.reverse();
        component.processors.reverse();
        for processor in &mut component.processors {
            processor.inputs.reverse();
            processor.joins.reverse();
            processor.outputs.reverse();
        }
    }
    description
}

proptest! {
    #[test]
    fn edges_lead_from_a_node_to_a_node(pods in pods()) {
        let mesh = mesh(pods);
        for (edge, properties) in &mesh.graph.edges {
            prop_assert!(mesh.graph.nodes.contains_key(&edge.from), "{}", edge.from);
            prop_assert!(mesh.graph.nodes.contains_key(&edge.to), "{}", edge.to);
            prop_assert_eq!(edge.role.is_some(), edge.relation == Relation::Reads);
            prop_assert!(properties.keys().all(|name| property_name(name).is_some()));
        }
        for properties in mesh.graph.nodes.values() {
            prop_assert!(properties.keys().all(|name| property_name(name).is_some()));
        }
    }

    #[test]
    fn the_order_of_a_description_is_of_no_consequence(pods in pods()) {
        let turned = pods.iter().map(|(key, observed)| {
            let mut observed = Observed::clone(observed);
            if let Some(answer) = &mut observed.answer {
                answer.description = Arc::new(reversed(&answer.description));
            }
            (key.clone(), Arc::new(observed))
        });
        let keys = |mesh: &Mesh| {
            let nodes: BTreeSet<_> = mesh.graph.nodes.keys().cloned().collect();
            (nodes, mesh.graph.edges.clone())
        };
        prop_assert_eq!(keys(&mesh(turned.collect())), keys(&mesh(pods)));
    }

    #[test]
    fn what_is_stale_is_reported_by_no_live_pod_and_what_is_partial_by_some(pods in pods()) {
        let mesh = mesh(pods);
        for object in mesh.catalog.objects.values() {
            let live = object.pods.iter().filter(|pod| mesh.pods[*pod].failure.is_none());
            let live = live.count();
            prop_assert_eq!(object.presence.stale, live == 0);
            let service = &mesh.catalog.services[&object.service];
            let all: usize = service.versions.iter().map(|version| version.live).sum();
            prop_assert_eq!(object.presence.partial, 0 < live && live < all);
        }
    }

    #[test]
    fn upstream_is_the_other_way_of_downstream(pods in pods()) {
        let mesh = mesh(pods);
        let flows = |node: &&super::graph::NodeKey| {
            !matches!(
                node.label,
                Label::Service
                    | Label::Component
                    | Label::Pod
                    | Label::Message
                    | Label::ConsumerGroup
            )
        };
        for node in mesh.graph.nodes.keys().filter(flows) {
            for (other, steps) in mesh.index.flow(node, Direction::Downstream, 4) {
                let back = mesh.index.flow(other, Direction::Upstream, 4);
                prop_assert!(back.contains(&(node, steps)), "{node} to {other}");
            }
        }
    }
}
