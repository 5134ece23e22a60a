//! From the catalog to nodes and edges.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Edge, Graph, Label, NodeKey, Properties, Property, Relation, Role, kafka};
use crate::mesh::actual::Actual;
use crate::mesh::catalog::{Catalog, Component, Object, Presence, Service, Topic};
use crate::mesh::key;
use crate::mesh::lag;
use crate::mesh::pod::{Observed, PodKey, Pods};
use crate::mesh::run::ScrapeRun;

impl Graph {
    /// The graph of what `pods` report, which `catalog` is made from, with what Kafka says of it. Scrape
    /// runs are not in it.
    pub fn new(catalog: &Catalog, pods: &Pods, actual: Option<&Actual>) -> Self {
        let mut graph = Self::default();
        let stale = |pod| pods.get(pod).is_none_or(|observed| observed.is_stale());
        for (key, observed) in pods {
            let key = pod_node(key);
            graph.nodes.insert(key, pod(observed));
        }
        for topic in catalog.topics.values() {
            graph.topic(catalog, topic, actual);
        }
        for message in catalog.messages.values() {
            let mut properties = named(&message.name, "");
            properties.insert("types", Property::Texts(message.types.clone()));
            properties.insert("stale", message.stale.into());
            graph.nodes.insert(message_node(&message.name), properties);
        }
        for service in catalog.services.values() {
            let node = service_node(&service.name);
            for pod in &service.pods {
                let pod_node = pod_node(pod);
                graph.edge(&node, Relation::RunsIn, None, pod_node, flag(stale(pod)));
            }
            graph.nodes.insert(node, service_properties(service));
        }
        for component in catalog.components.values() {
            let node = NodeKey::new(Label::Component, component.key.clone());
            let service = service_node(&component.service);
            let properties = present(component.presence);
            graph.edge(
                &service,
                Relation::HasComponent,
                None,
                node.clone(),
                properties,
            );
            for object in component
                .objects
                .iter()
                .filter_map(|key| catalog.objects.get(key))
            {
                let properties = present(object.presence);
                graph.edge(&node, Relation::Contains, None, object.node(), properties);
            }
            graph.nodes.insert(node, component_properties(component));
        }
        for object in catalog.objects.values() {
            let node = object.node();
            graph.object(&node, object, actual);
            for pod in &object.pods {
                let pod_node = pod_node(pod);
                graph.edge(&node, Relation::RunsIn, None, pod_node, flag(stale(pod)));
            }
        }
        if let Some(actual) = actual {
            graph.kafka(catalog, actual);
        }
        graph
    }

    /// Adds a scrape run, and edges to the pods that answered it and are in the graph.
    pub fn add_run(&mut self, run: &ScrapeRun) {
        let (node, properties) = run.node();
        for pod in run.pods() {
            if self.nodes.contains_key(&pod) {
                self.edge(&node, Relation::Observed, None, pod, Properties::new());
            }
        }
        self.nodes.insert(node, properties);
    }

    pub(super) fn edge(
        &mut self,
        from: &NodeKey,
        relation: Relation,
        role: Option<Role>,
        to: NodeKey,
        properties: Properties,
    ) {
        let edge = Edge {
            from: from.clone(),
            relation,
            role,
            to,
        };
        self.edges.insert(edge, properties);
    }

    fn topic(&mut self, catalog: &Catalog, topic: &Topic, actual: Option<&Actual>) {
        let node = topic_node(&topic.name);
        let mut properties = named(&topic.name, "");
        properties.insert("stale", topic.stale.into());
        properties.insert("creators", texts(topic.settings.keys().map(|name| &**name)));
        // A topic has one set of settings; where services contradict each other, that of the first is
        // shown, and a finding tells of the rest.
        if let Some((_, settings)) = catalog.settings(topic).first() {
            properties.insert("partitions", i64::from(settings.partitions).into());
            properties.insert("replication", i64::from(settings.replication).into());
            properties.insert("compact", settings.compact.into());
            properties.insert("retentionMs", settings.retention_ms.into());
            properties.insert("segmentMs", settings.segment_ms.into());
        }
        if let Some(actual) = actual {
            kafka::of_topic(&mut properties, &topic.name, actual);
        }
        for name in &topic.messages {
            let stale = topic.stale || catalog.messages.get(name).is_some_and(|m| m.stale);
            let message = message_node(name);
            self.edge(&node, Relation::OfType, None, message, flag(stale));
        }
        self.nodes.insert(node, properties);
    }

    fn object(&mut self, node: &NodeKey, object: &Object, actual: Option<&Actual>) {
        for read in &object.reads {
            let mut properties = present(read.presence);
            insert_texts(&mut properties, "messages", &read.messages);
            if let Some(lag) = actual.and_then(|actual| lag::of_read(object, read, actual)) {
                kafka::insert_lag(&mut properties, lag);
            }
            let topic = topic_node(&read.topic);
            self.edge(node, Relation::Reads, Some(read.role), topic, properties);
        }
        let writes = object.writes.iter().map(|write| (Relation::Writes, write));
        let persists = object
            .persists_to
            .iter()
            .map(|write| (Relation::PersistsTo, write));
        for (relation, write) in writes.chain(persists) {
            let mut properties = present(write.presence);
            insert_texts(&mut properties, "messages", &write.messages);
            insert(&mut properties, "description", &write.description);
            let topic = topic_node(&write.topic);
            self.edge(node, relation, None, topic, properties);
        }
        let mut properties = named(&object.name, &object.description);
        properties.insert("service", (&*object.service).into());
        properties.insert("component", object.component.as_str().into());
        insert_texts(&mut properties, "groups", &object.groups);
        if let Some(actual) = actual {
            kafka::of_object(&mut properties, object, actual);
        }
        presence(&mut properties, object.presence);
        self.nodes.insert(node.clone(), properties);
    }
}

impl ScrapeRun {
    /// Its node.
    pub fn node(&self) -> (NodeKey, Properties) {
        let properties = Properties::from([
            ("started", time(self.started)),
            ("ended", time(self.ended)),
            ("kind", self.kind.name().into()),
            ("asked", self.asked.into()),
            ("answered", self.answered.into()),
            ("failed", self.failed.into()),
        ]);
        let node = NodeKey::new(Label::ScrapeRun, key::of_one(&self.id));
        (node, properties)
    }

    /// The nodes of the pods that answered.
    pub fn pods(&self) -> impl Iterator<Item = NodeKey> {
        self.observed.iter().map(pod_node)
    }
}

/// The node of a pod.
pub fn pod_node(pod: &PodKey) -> NodeKey {
    NodeKey::new(Label::Pod, key::of_one(pod.as_str()))
}

/// The node of a service.
pub fn service_node(name: &str) -> NodeKey {
    NodeKey::new(Label::Service, key::of(&[name]))
}

/// The node of a topic.
pub fn topic_node(name: &str) -> NodeKey {
    NodeKey::new(Label::Topic, key::of_one(name))
}

/// The node of a message.
pub fn message_node(name: &str) -> NodeKey {
    NodeKey::new(Label::Message, key::of_one(name))
}

fn service_properties(service: &Service) -> Properties {
    let mut properties = named(&service.name, &service.description);
    let fingerprints = service.versions.iter().map(|version| &*version.fingerprint);
    properties.insert("versions", service.versions.len().into());
    properties.insert("fingerprints", texts(fingerprints));
    properties.insert("stale", service.stale.into());
    properties
}

fn component_properties(component: &Component) -> Properties {
    let mut properties = named(&component.name, &component.description);
    properties.insert("service", (&*component.service).into());
    presence(&mut properties, component.presence);
    properties
}

fn pod(observed: &Observed) -> Properties {
    let pod = &observed.pod;
    let mut properties = named(&pod.name, "");
    insert(
        &mut properties,
        "namespace",
        pod.namespace.as_deref().unwrap_or_default(),
    );
    insert(
        &mut properties,
        "node",
        pod.node.as_deref().unwrap_or_default(),
    );
    insert(
        &mut properties,
        "version",
        pod.version.as_deref().unwrap_or_default(),
    );
    insert(&mut properties, "address", &pod.address);
    properties.insert("stale", observed.is_stale().into());
    if let Some(answer) = &observed.answer {
        let instance = &answer.instance;
        properties.insert("service", answer.description.service.as_str().into());
        properties.insert("watch", instance.watch.into());
        properties.insert("answerSince", time(answer.at));
        insert(&mut properties, "instance", &instance.name);
        insert(&mut properties, "kafmeshVersion", &instance.kafmesh_version);
        if let Some(started) = instance.started_at {
            properties.insert("startedAt", time(started));
        }
    }
    if let Some(failure) = &observed.failure {
        properties.insert("failure", failure.kind.name().into());
        properties.insert("failureMessage", failure.message.as_str().into());
        properties.insert("failingSince", time(failure.since));
    }
    properties
}

/// A time as text of one length, so that texts sort as the times do.
pub(super) fn time(time: Timestamp) -> Property {
    Property::Text(format!("{time:.3}"))
}

pub(super) fn named(name: &str, description: &str) -> Properties {
    let mut properties = Properties::from([("name", name.into())]);
    insert(&mut properties, "description", description);
    properties
}

fn insert(properties: &mut Properties, name: &'static str, text: &str) {
    if !text.is_empty() {
        properties.insert(name, text.into());
    }
}

fn insert_texts(properties: &mut Properties, name: &'static str, all: &BTreeSet<String>) {
    if !all.is_empty() {
        properties.insert(name, Property::Texts(all.clone()));
    }
}

pub(super) fn texts<'a>(all: impl Iterator<Item = &'a str>) -> Property {
    Property::Texts(all.map(str::to_owned).collect())
}

fn presence(properties: &mut Properties, presence: Presence) {
    properties.insert("partial", presence.partial.into());
    properties.insert("stale", presence.stale.into());
}

fn present(presence: Presence) -> Properties {
    let mut properties = flag(presence.stale);
    if presence.partial {
        properties.insert("partial", true.into());
    }
    properties
}

pub(super) fn flag(stale: bool) -> Properties {
    let mut properties = Properties::new();
    if stale {
        properties.insert("stale", true.into());
    }
    properties
}
