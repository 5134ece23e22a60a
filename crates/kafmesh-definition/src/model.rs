//! The resolved definition: everything checked, named and looked up; the only form other crates see.

use std::path::PathBuf;
use std::time::Duration;

use crate::duration;
use crate::name::Name;
use crate::position::Position;

/// A service: one `definition.yaml` with its components, after all checks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Definition {
    /// The service's name, as written (`exampleService`).
    pub name: Name,
    /// What the service is for; empty when not given.
    pub description: String,
    /// The definition file that was loaded.
    pub file: PathBuf,
    /// Where generated code goes.
    pub output: Output,
    /// The components, in the order their files were named and sorted.
    pub components: Vec<Component>,
    /// Every topic the definition names, once each, sorted by name.
    pub topics: Vec<Topic>,
    /// The compiled protobuf files, imports included.
    pub protos: prost_types::FileDescriptorSet,
    /// The same files as an encoded `FileDescriptorSet`, without comments but with all their options; each comes
    /// after those it imports.
    pub encoded_protos: Vec<u8>,
    /// Every file that was read (YAML and protobuf), sorted; what a watcher watches and cargo reruns for.
    pub files: Vec<PathBuf>,
    /// Where its name is written.
    pub position: Position,
}

/// Where generated code goes: `output` in the definition.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Output {
    /// Name of the generated Rust module (`definitions`).
    pub package: String,
    /// Directory of the generated code, relative to the directory the command runs in.
    pub path: PathBuf,
    /// Name of the crate the code is generated into (`example-service`); empty when not given.
    pub module: String,
}

/// A component: a named group of objects that belong together.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Component {
    /// The component's name, as written.
    pub name: Name,
    /// What it is for; empty when not given.
    pub description: String,
    /// The YAML file it came from.
    pub file: PathBuf,
    /// How data gets into Kafka.
    pub sources: Vec<Source>,
    /// Per-key transformations.
    pub processors: Vec<Processor>,
    /// Shippers of topics to external stores.
    pub sinks: Vec<Sink>,
    /// Local, complete copies of topics.
    pub views: Vec<View>,
    /// Synchronisers of a compacted topic with an external data set.
    pub view_sources: Vec<ViewSource>,
    /// Hand-overs of a whole view to an external system.
    pub view_sinks: Vec<ViewSink>,
    /// State that those of its processors share which have none of their own, if declared; the topic is the
    /// changelog (`service.component-table`).
    pub persistence: Option<TopicUse>,
    /// Where its name is written.
    pub position: Position,
}

/// A topic in Kafka, as all its uses in one definition agree on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Topic {
    /// The topic's name in Kafka (`exampleService.userId.click`).
    pub name: String,
    /// The settings it is created with, when this service creates it; `None` when it must exist already.
    pub settings: Option<TopicSettings>,
    /// What its readers state of it, when this service does not create it; else nothing, as they agree.
    pub expected: Vec<Expectation>,
    /// Where the message of the use that creates it is written, or of its first use.
    pub position: Position,
}

/// A setting that a view or view sink states of a topic which another service creates.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Expectation {
    /// The setting, as the YAML names it (`partitions`).
    pub setting: &'static str,
    /// Its value, as [`TopicSettings::entries`] writes it.
    pub value: String,
    /// Where it is stated.
    pub position: Position,
}

/// What a topic is created with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicSettings {
    /// Number of partitions.
    pub partitions: i32,
    /// Replication factor.
    pub replication: i16,
    /// Whether the log is compacted (`cleanup.policy=compact`).
    pub compact: bool,
    /// How long records are kept (`retention.ms`).
    pub retention: Duration,
    /// How long a log segment stays open (`segment.ms`).
    pub segment: Duration,
}

/// One use of a topic by an object.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TopicUse {
    /// The message as written (`userId.click`); its [`Name`] gives Rust names (`UserIdClick`, `user_id_click`).
    pub message: Name,
    /// The topic's name in Kafka.
    pub topic: String,
    /// The message's protobuf type.
    pub proto: ProtoType,
    /// Where the message is written.
    pub position: Position,
}

/// A protobuf message type found in the definition's protos.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProtoType {
    /// Its package, as written in the .proto (`exampleService.userId`); may be empty.
    pub package: String,
    /// Its name in the package (`Click`); only top-level messages are candidates.
    pub name: String,
}

impl ProtoType {
    /// Package and name (`exampleService.userId.Click`).
    pub fn full_name(&self) -> String {
        if self.package.is_empty() {
            self.name.clone()
        } else {
            format!("{}.{}", self.package, self.name)
        }
    }
}

/// `sources[]`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Source {
    /// The topic it emits to.
    pub topic: TopicUse,
    /// Where its message is written.
    pub position: Position,
}

/// `views[]`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct View {
    /// The topic it copies.
    pub topic: TopicUse,
    /// Where its message is written.
    pub position: Position,
}

/// `processors[]`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Processor {
    /// The processor's name, as written (`total clicks`).
    pub name: Name,
    /// What it does; empty when not given.
    pub description: String,
    /// Its consumer group: `groupName`, else `service.component.processor`; `service.component` where it
    /// [shares](Self::shares_state) its component's state.
    pub group: String,
    /// Topics whose records it handles.
    pub inputs: Vec<TopicUse>,
    /// Co-partitioned tables.
    pub joins: Vec<TopicUse>,
    /// Global tables.
    pub lookups: Vec<TopicUse>,
    /// Topics it writes.
    pub outputs: Vec<ProcessorOutput>,
    /// Its state, its own or its component's; the topic is the changelog (`GROUP-table`).
    pub persistence: Option<TopicUse>,
    /// Whether its state, and with it its group, is its component's.
    pub shares_state: bool,
    /// Where its name is written.
    pub position: Position,
}

/// One of a processor's `outputs[]`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ProcessorOutput {
    /// The topic it writes.
    pub topic: TopicUse,
    /// What the records mean; empty when not given.
    pub description: String,
}

/// `sinks[]`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Sink {
    /// The sink's name, as written.
    pub name: Name,
    /// What it does; empty when not given.
    pub description: String,
    /// Its consumer group: `service.component.<name>-sink`.
    pub group: String,
    /// The topic it ships.
    pub topic: TopicUse,
    /// Where its name is written.
    pub position: Position,
}

/// `viewSources[]`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ViewSource {
    /// The view source's name, as written.
    pub name: Name,
    /// What it does; empty when not given.
    pub description: String,
    /// Its consumer group, `service.component.<name>-view-source`, in which the service's processes agree on the one
    /// that synchronises.
    pub group: String,
    /// The compacted topic it keeps equal to the external data set.
    pub topic: TopicUse,
    /// Where its name is written.
    pub position: Position,
}

/// `viewSinks[]`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ViewSink {
    /// The view sink's name, as written.
    pub name: Name,
    /// What it does; empty when not given.
    pub description: String,
    /// Its consumer group, `service.component.<name>-view-sink`, in which the service's processes agree on the one
    /// that synchronises.
    pub group: String,
    /// The topic whose view it hands over.
    pub topic: TopicUse,
    /// Where its name is written.
    pub position: Position,
}

impl std::fmt::Display for ProtoType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.package.is_empty() {
            write!(f, "{}.", self.package)?;
        }
        f.write_str(&self.name)
    }
}

impl Component {
    /// The processors that share the component's state: they run as one.
    pub fn sharing(&self) -> impl Iterator<Item = &Processor> {
        self.processors
            .iter()
            .filter(|processor| processor.shares_state)
    }

    /// Every use of a topic by the component's objects, in the order of the model's fields.
    pub fn topic_uses(&self) -> impl Iterator<Item = &TopicUse> {
        let sources = self.sources.iter().map(|source| &source.topic);
        let processors = self.processors.iter().flat_map(Processor::topic_uses);
        let sinks = self.sinks.iter().map(|sink| &sink.topic);
        let views = self.views.iter().map(|view| &view.topic);
        let view_sources = self
            .view_sources
            .iter()
            .map(|view_source| &view_source.topic);
        let view_sinks = self.view_sinks.iter().map(|view_sink| &view_sink.topic);
        sources
            .chain(processors)
            .chain(sinks)
            .chain(views)
            .chain(view_sources)
            .chain(view_sinks)
            .chain(&self.persistence)
    }
}

impl Processor {
    /// Every use of a topic by the processor: inputs, joins, lookups, outputs, persistence.
    pub fn topic_uses(&self) -> impl Iterator<Item = &TopicUse> {
        let reads = self.inputs.iter().chain(&self.joins).chain(&self.lookups);
        let writes = self.outputs.iter().map(|output| &output.topic);
        reads.chain(writes).chain(&self.persistence)
    }
}

impl TopicSettings {
    /// The settings as the YAML names and writes them: `("partitions", "10")`, `("retention", "24h")`.
    #[must_use]
    pub fn entries(&self) -> [(&'static str, String); 5] {
        [
            ("partitions", self.partitions.to_string()),
            ("replicas", self.replication.to_string()),
            ("compact", self.compact.to_string()),
            ("retention", duration::shown(&self.retention)),
            ("segment", duration::shown(&self.segment)),
        ]
    }
}
