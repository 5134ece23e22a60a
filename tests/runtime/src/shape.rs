//! The descriptors a generator would write, for a service whose names and sizes are given at run time.

use kafmesh::codegen::v1::{
    ComponentDescriptor, OutputDescriptor, ProcessorDescriptor, ServiceDescriptor,
    SourceDescriptor, TopicDescriptor, TopicSettings, TopicUse, ViewDescriptor,
};

/// A service with one processor, a source per input and a view per output.
#[derive(Debug, Clone)]
pub struct Shape {
    /// In front of every topic and group.
    pub prefix: String,
    /// Of every topic.
    pub partitions: i32,
    /// Of every topic.
    pub replication: i16,
    /// Of every topic that is not compacted.
    pub retention_ms: u64,
    /// Input topics, without prefix.
    pub inputs: Vec<&'static str>,
    /// Inputs that another service creates.
    pub foreign: Vec<&'static str>,
    /// Output topics, without prefix; they are compacted.
    pub outputs: Vec<&'static str>,
    /// Joined topics, without prefix; another service creates those that are neither input nor output.
    pub joins: Vec<&'static str>,
    /// Topics of global tables, without prefix; another service creates them as it does joined ones.
    pub lookups: Vec<&'static str>,
    /// Whether the processor keeps state.
    pub state: bool,
    /// Whether every topic is another service's, so that none is created or altered.
    pub all_foreign: bool,
}

/// The descriptors of a [`Shape`].
#[derive(Debug, Clone, Copy)]
pub struct Mesh {
    /// The service.
    pub service: &'static ServiceDescriptor,
    /// Its component.
    pub component: &'static ComponentDescriptor,
    /// Its processor.
    pub processor: &'static ProcessorDescriptor,
}

impl Shape {
    /// Counts `clicks` into `totals`.
    pub fn counter(prefix: impl Into<String>, partitions: i32) -> Self {
        Self {
            prefix: prefix.into(),
            partitions,
            replication: 1,
            retention_ms: 86_400_000,
            inputs: vec!["clicks"],
            foreign: Vec::new(),
            outputs: vec!["totals"],
            joins: Vec::new(),
            lookups: Vec::new(),
            state: true,
            all_foreign: false,
        }
    }

    /// The full name of a topic.
    pub fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// The processor's consumer group.
    pub fn group(&self) -> String {
        format!("{}.counter", self.prefix)
    }

    /// The topic of the processor's state.
    pub fn changelog(&self) -> String {
        format!("{}-table", self.group())
    }

    /// Leaks the descriptors: generated ones are statics, too.
    pub fn build(&self) -> Mesh {
        let create = |name: String, compact| TopicDescriptor {
            name: leak_text(name),
            settings: (!self.all_foreign).then_some(TopicSettings {
                partitions: self.partitions,
                replication: self.replication,
                compact,
                retention_ms: self.retention_ms,
                segment_ms: 43_200_000,
            }),
            expected_partitions: None,
        };
        let own_inputs: Vec<_> = self
            .inputs
            .iter()
            .filter(|name| !self.foreign.contains(*name))
            .collect();
        let mut topics: Vec<_> = own_inputs
            .iter()
            .map(|name| create(self.topic(name), false))
            .collect();
        topics.extend(
            self.outputs
                .iter()
                .map(|name| create(self.topic(name), true)),
        );
        let tables = self.joins.iter().chain(&self.lookups);
        let others =
            tables.filter(|name| !self.inputs.contains(name) && !self.outputs.contains(name));
        topics.extend(
            self.foreign
                .iter()
                .chain(others)
                .map(|name| TopicDescriptor {
                    name: leak_text(self.topic(name)),
                    settings: None,
                    expected_partitions: None,
                }),
        );
        if self.state {
            topics.push(create(self.changelog(), true));
        }
        topics.sort_by_key(|topic| topic.name);

        let uses = |name: &str, message, message_type| TopicUse {
            topic: leak_text(self.topic(name)),
            message,
            message_type,
        };
        let outputs = self.outputs.iter().map(|name| OutputDescriptor {
            topic: uses(name, "count", "tests.Count"),
            description: "",
        });
        let processor: &_ = leak(ProcessorDescriptor {
            name: "counter",
            description: "Counts.",
            group: leak_text(self.group()),
            inputs: leak_all(
                self.inputs
                    .iter()
                    .map(|name| uses(name, "click", "tests.Click")),
            ),
            joins: leak_all(
                self.joins
                    .iter()
                    .map(|name| uses(name, "count", "tests.Count")),
            ),
            lookups: leak_all(
                self.lookups
                    .iter()
                    .map(|name| uses(name, "count", "tests.Count")),
            ),
            outputs: leak_all(outputs),
            persistence: self.state.then(|| TopicUse {
                topic: leak_text(self.changelog()),
                message: "count",
                message_type: "tests.Count",
            }),
        });
        let sources = self.inputs.iter().map(|name| {
            leak(SourceDescriptor {
                topic: uses(name, "click", "tests.Click"),
            })
        });
        let views = self.outputs.iter().map(|name| {
            leak(ViewDescriptor {
                topic: uses(name, "count", "tests.Count"),
            })
        });
        let component: &_ = leak(ComponentDescriptor {
            name: "counting",
            description: "",
            sources: leak_all(sources),
            processors: leak_all([processor]),
            views: leak_all(views),
            sinks: &[],
            view_sources: &[],
            view_sinks: &[],
        });
        let service = leak(ServiceDescriptor {
            name: leak_text(self.prefix.clone()),
            description: "",
            topics: leak_all(topics),
            components: leak_all([component]),
            files: b"",
        });
        Mesh {
            service,
            component,
            processor,
        }
    }
}

pub(crate) fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

pub(crate) fn leak_all<T>(values: impl IntoIterator<Item = T>) -> &'static [T] {
    Vec::leak(values.into_iter().collect())
}

pub(crate) fn leak_text(text: String) -> &'static str {
    String::leak(text)
}
