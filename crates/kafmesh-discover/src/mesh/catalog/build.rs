//! From what each pod says to what they report together.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{Catalog, Component, Message, Object, Presence, Read, Service, Topic, Version, Write};
use crate::mesh::description::{Description, TopicUse, Worker};
use crate::mesh::graph::{ObjectKind, Role};
use crate::mesh::key;
use crate::mesh::pod::{Answer, Observed, PodKey, Pods};

impl Catalog {
    /// What `pods` report together.
    pub fn new(pods: &Pods) -> Self {
        let mut services: BTreeMap<&str, Vec<(&PodKey, &Observed, &Answer)>> = BTreeMap::new();
        for (key, observed) in pods {
            if let Some(answer) = &observed.answer {
                let service = services.entry(&answer.description.service).or_default();
                service.push((key, observed, answer));
            }
        }
        let mut catalog = Self::default();
        for (name, pods) in services {
            catalog.add(name.into(), &pods);
        }
        catalog
    }

    fn add(&mut self, name: Arc<str>, pods: &[(&PodKey, &Observed, &Answer)]) {
        let versions = versions(pods);
        let live = versions.iter().map(|version| version.live).sum();
        let mut builder = ServiceBuilder {
            catalog: self,
            service: name.clone(),
            live,
            components: BTreeMap::new(),
            objects: BTreeMap::new(),
        };
        for version in &versions {
            builder.version(version);
        }
        let components = builder.finish();
        let description = versions
            .iter()
            .map(|version| &version.description.description)
            .find(|description| !description.is_empty());
        let service = Service {
            name: name.clone(),
            description: description.cloned().unwrap_or_default(),
            components,
            pods: pods.iter().map(|(key, ..)| (*key).clone()).collect(),
            stale: live == 0,
            versions,
        };
        self.services.insert(name, service);
    }

    fn topic(&mut self, name: Arc<str>, live: bool) -> &mut Topic {
        let topic = self.topics.entry(name.clone()).or_insert_with(|| Topic {
            name,
            stale: true,
            ..Topic::default()
        });
        topic.stale &= !live;
        topic
    }

    /// Notes that `messages` are in a topic; returns the topic.
    fn used(
        &mut self,
        name: &Arc<str>,
        messages: &BTreeSet<String>,
        presence: Presence,
    ) -> &mut Topic {
        let mut names = Vec::with_capacity(messages.len());
        for message in messages.iter().filter(|message| !message.is_empty()) {
            let message = self.message(message, !presence.stale);
            message.topics.insert(name.clone());
            names.push(message.name.clone());
        }
        let topic = self.topic(name.clone(), !presence.stale);
        topic.messages.extend(names);
        topic
    }

    fn message(&mut self, name: &str, live: bool) -> &mut Message {
        let name: Arc<str> = name.into();
        let message = self
            .messages
            .entry(name.clone())
            .or_insert_with(|| Message {
                name,
                stale: true,
                ..Message::default()
            });
        message.stale &= !live;
        message
    }
}

/// The pods by what they say.
fn versions(pods: &[(&PodKey, &Observed, &Answer)]) -> Vec<Version> {
    let mut versions: HashMap<&Description, Version> = HashMap::new();
    for (key, observed, answer) in pods {
        let version = versions
            .entry(&*answer.description)
            .or_insert_with(|| Version {
                fingerprint: answer.description.fingerprint(),
                labels: BTreeSet::new(),
                pods: BTreeSet::new(),
                live: 0,
                description: answer.description.clone(),
            });
        version.pods.insert((*key).clone());
        version.labels.extend(observed.pod.version.clone());
        version.live += usize::from(observed.failure.is_none());
    }
    let mut versions: Vec<Version> = versions.into_values().collect();
    versions.sort_by(|a, b| {
        let order = |version: &Version| (Reverse(version.live), Reverse(version.pods.len()));
        order(a)
            .cmp(&order(b))
            .then_with(|| a.fingerprint.cmp(&b.fingerprint))
    });
    versions
}

/// One service, version by version.
struct ServiceBuilder<'a> {
    catalog: &'a mut Catalog,
    service: Arc<str>,
    /// How many of the service's pods are live.
    live: usize,
    components: BTreeMap<Arc<str>, (Component, Seen)>,
    objects: BTreeMap<Arc<str>, ObjectBuilder>,
}

/// How many live pods report a thing. Versions are disjoint sets of pods, but one may name a thing
/// twice.
#[derive(Default)]
struct Seen {
    live: usize,
    last: Option<Arc<str>>,
}

impl Seen {
    fn by(&mut self, version: &Version) {
        if self.last.as_ref() != Some(&version.fingerprint) {
            self.live += version.live;
            self.last = Some(version.fingerprint.clone());
        }
    }

    /// Whether what `version` says of the thing counts: what no live process says any more does only
    /// where none says anything. Versions with live processes come first.
    fn counts(&self, version: &Version) -> bool {
        version.live > 0 || self.live == 0
    }

    fn presence(&self, live: usize) -> Presence {
        Presence {
            partial: 0 < self.live && self.live < live,
            stale: self.live == 0,
        }
    }
}

struct ObjectBuilder {
    object: Object,
    seen: Seen,
    reads: BTreeMap<(Arc<str>, Role), (BTreeSet<String>, Seen)>,
    writes: BTreeMap<(Arc<str>, Way), Written>,
}

/// The messages that are written to a topic, what they mean, and who says so.
type Written = (BTreeSet<String>, String, Seen);

/// How a topic is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Output,
    Changelog,
}

impl ServiceBuilder<'_> {
    fn version(&mut self, version: &Version) {
        let description = version.description.clone();
        let live = version.live > 0;
        for message in &description.messages {
            let known = self.catalog.message(&message.name, live);
            if !message.message_type.is_empty() {
                known.types.insert(message.message_type.clone());
            }
        }
        for topic in &description.topics {
            let service = self.service.clone();
            let known = self.catalog.topic(topic.name.as_str().into(), live);
            // What no live process says any more contradicts nobody.
            let counts = live || self.live == 0;
            if let Some(settings) = topic.settings.filter(|_| counts) {
                let all = known.settings.entry(service).or_default();
                if !all.contains(&settings) {
                    all.push(settings);
                }
            }
        }
        for component in &description.components {
            self.component(version, component);
        }
    }

    fn component(&mut self, version: &Version, component: &crate::mesh::description::Component) {
        let key: Arc<str> = key::of(&[&self.service, &component.name]).into();
        let (known, seen) = self.components.entry(key.clone()).or_insert_with(|| {
            let component = Component {
                key,
                service: self.service.clone(),
                name: component.name.clone(),
                description: String::new(),
                objects: BTreeSet::new(),
                pods: BTreeSet::new(),
                presence: Presence::default(),
            };
            (component, Seen::default())
        });
        if known.description.is_empty() {
            known.description.clone_from(&component.description);
        }
        known.pods.extend(version.pods.iter().cloned());
        seen.by(version);

        let name = component.name.as_str();
        for used in &component.sources {
            let object = self.object(version, name, ObjectKind::Source, &used.topic);
            object.writes(version, &used.topic, &used.message, Way::Output, "");
        }
        for used in &component.views {
            let object = self.object(version, name, ObjectKind::View, &used.topic);
            object.reads(version, used, Role::View);
        }
        for processor in &component.processors {
            let object = self.object(version, name, ObjectKind::Processor, &processor.name);
            object.told(&processor.description, &processor.group);
            for (role, uses) in [
                (Role::Input, &processor.inputs),
                (Role::Join, &processor.joins),
                (Role::Lookup, &processor.lookups),
            ] {
                for used in uses {
                    object.reads(version, used, role);
                }
            }
            for output in &processor.outputs {
                let (topic, message) = (&output.topic, &output.message);
                object.writes(version, topic, message, Way::Output, &output.description);
            }
            if let Some(used) = &processor.persistence {
                object.writes(version, &used.topic, &used.message, Way::Changelog, "");
            }
        }
        for sink in &component.sinks {
            let object = self.worker(version, name, ObjectKind::Sink, sink);
            object.reads(version, &used_by(sink), Role::Sink);
        }
        for source in &component.view_sources {
            let object = self.worker(version, name, ObjectKind::ViewSource, source);
            object.writes(version, &source.topic, &source.message, Way::Output, "");
        }
        for sink in &component.view_sinks {
            let object = self.worker(version, name, ObjectKind::ViewSink, sink);
            object.reads(version, &used_by(sink), Role::View);
        }
    }

    fn worker(
        &mut self,
        version: &Version,
        component: &str,
        kind: ObjectKind,
        worker: &Worker,
    ) -> &mut ObjectBuilder {
        let object = self.object(version, component, kind, &worker.name);
        object.told(&worker.description, &worker.group);
        object
    }

    /// The object, which `version` reports.
    fn object(
        &mut self,
        version: &Version,
        component: &str,
        kind: ObjectKind,
        name: &str,
    ) -> &mut ObjectBuilder {
        let key: Arc<str> = key::of(&[&self.service, component, kind.name(), name]).into();
        let builder = self
            .objects
            .entry(key.clone())
            .or_insert_with(|| ObjectBuilder {
                object: Object {
                    kind,
                    key,
                    service: self.service.clone(),
                    component: component.to_owned(),
                    name: name.to_owned(),
                    description: String::new(),
                    groups: BTreeSet::new(),
                    reads: Vec::new(),
                    writes: Vec::new(),
                    persists_to: Vec::new(),
                    pods: BTreeSet::new(),
                    presence: Presence::default(),
                },
                seen: Seen::default(),
                reads: BTreeMap::new(),
                writes: BTreeMap::new(),
            });
        builder.object.pods.extend(version.pods.iter().cloned());
        builder.seen.by(version);
        builder
    }

    /// Moves everything into the catalog; returns the keys of the components.
    fn finish(self) -> BTreeSet<Arc<str>> {
        let Self {
            catalog,
            service,
            live,
            mut components,
            objects,
        } = self;
        for (key, builder) in objects {
            let component: Arc<str> = key::of(&[&service, &builder.object.component]).into();
            if let Some((component, _)) = components.get_mut(&component) {
                component.objects.insert(key.clone());
            }
            let object = builder.finish(live, catalog);
            catalog.objects.insert(key, object);
        }
        let keys = components.keys().cloned().collect();
        for (key, (mut component, seen)) in components {
            component.presence = seen.presence(live);
            catalog.components.insert(key, component);
        }
        keys
    }
}

fn used_by(worker: &Worker) -> TopicUse {
    TopicUse {
        topic: worker.topic.clone(),
        message: worker.message.clone(),
    }
}

impl ObjectBuilder {
    fn told(&mut self, description: &str, group: &str) {
        // The version of most pods comes first.
        if self.object.description.is_empty() {
            description.clone_into(&mut self.object.description);
        }
        if !group.is_empty() {
            self.object.groups.insert(group.to_owned());
        }
    }

    fn reads(&mut self, version: &Version, used: &TopicUse, role: Role) {
        let key = (used.topic.as_str().into(), role);
        let (messages, seen) = self.reads.entry(key).or_default();
        if seen.counts(version) {
            messages.insert(used.message.clone());
        }
        seen.by(version);
    }

    fn writes(
        &mut self,
        version: &Version,
        topic: &str,
        message: &str,
        way: Way,
        description: &str,
    ) {
        let (messages, known, seen) = self.writes.entry((topic.into(), way)).or_default();
        if seen.counts(version) {
            messages.insert(message.to_owned());
        }
        if known.is_empty() {
            description.clone_into(known);
        }
        seen.by(version);
    }

    /// The object, with the topics and messages it names entered into the catalog.
    fn finish(self, live: usize, catalog: &mut Catalog) -> Object {
        let mut object = self.object;
        object.presence = self.seen.presence(live);
        for ((name, role), (messages, seen)) in self.reads {
            let presence = seen.presence(live);
            let topic = catalog.used(&name, &messages, presence);
            topic.readers.insert((object.key.clone(), role));
            object.reads.push(Read {
                topic: name,
                role,
                messages,
                presence,
            });
        }
        for ((name, way), (messages, description, seen)) in self.writes {
            let presence = seen.presence(live);
            let topic = catalog.used(&name, &messages, presence);
            topic.writers.insert(object.key.clone());
            let write = Write {
                topic: name,
                messages,
                description,
                presence,
            };
            match way {
                Way::Output => object.writes.push(write),
                Way::Changelog => object.persists_to.push(write),
            }
        }
        object
    }
}
