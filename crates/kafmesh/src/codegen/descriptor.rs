//! What a service is, as constants in generated code: the runtime's only knowledge of the definition.

/// A service.
#[derive(Debug)]
pub struct ServiceDescriptor {
    /// Its name (`exampleService`).
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Every topic it names, sorted by name.
    pub topics: &'static [TopicDescriptor],
    /// Its components.
    pub components: &'static [&'static ComponentDescriptor],
    /// The protobuf files of its messages and what they import: an encoded `FileDescriptorSet`, empty when
    /// nothing is known of them.
    pub files: &'static [u8],
}

/// A topic.
#[derive(Debug)]
pub struct TopicDescriptor {
    /// Its name in Kafka.
    pub name: &'static str,
    /// What this service creates it with; `None` when it must exist already.
    pub settings: Option<TopicSettings>,
    /// For a topic that must exist already: the partition count that a reader states of it, if one does.
    pub expected_partitions: Option<i32>,
}

/// What a topic is created with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicSettings {
    /// Number of partitions.
    pub partitions: i32,
    /// Replication factor.
    pub replication: i16,
    /// Whether its log is compacted.
    pub compact: bool,
    /// `retention.ms`.
    pub retention_ms: u64,
    /// `segment.ms`.
    pub segment_ms: u64,
}

/// A component.
#[derive(Debug)]
pub struct ComponentDescriptor {
    /// Its name as written.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Its sources.
    pub sources: &'static [&'static SourceDescriptor],
    /// Its processors.
    pub processors: &'static [&'static ProcessorDescriptor],
    /// Its views.
    pub views: &'static [&'static ViewDescriptor],
    /// Its sinks.
    pub sinks: &'static [&'static SinkDescriptor],
    /// Its view sources.
    pub view_sources: &'static [&'static ViewSourceDescriptor],
    /// Its view sinks.
    pub view_sinks: &'static [&'static ViewSinkDescriptor],
}

/// One use of a topic.
#[derive(Debug)]
pub struct TopicUse {
    /// The topic's name in Kafka.
    pub topic: &'static str,
    /// The message as written (`userId.click`).
    pub message: &'static str,
    /// The full name of its protobuf type (`exampleService.userId.Click`).
    pub message_type: &'static str,
}

/// A source.
#[derive(Debug)]
pub struct SourceDescriptor {
    /// The topic it emits to.
    pub topic: TopicUse,
}

/// A view.
#[derive(Debug)]
pub struct ViewDescriptor {
    /// The topic it copies.
    pub topic: TopicUse,
}

/// A sink.
#[derive(Debug)]
pub struct SinkDescriptor {
    /// Its name as written.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// Its consumer group.
    pub group: &'static str,
    /// The topic it ships.
    pub topic: TopicUse,
}

/// A view source.
#[derive(Debug)]
pub struct ViewSourceDescriptor {
    /// Its name as written.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// The group whose one member with partition 0 of the topic synchronises.
    pub group: &'static str,
    /// The compacted topic it keeps equal to the external data set.
    pub topic: TopicUse,
}

/// A view sink.
#[derive(Debug)]
pub struct ViewSinkDescriptor {
    /// Its name as written.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// The group whose one member with partition 0 of the topic synchronises.
    pub group: &'static str,
    /// The topic whose view it hands over.
    pub topic: TopicUse,
}

/// A processor.
#[derive(Debug)]
pub struct ProcessorDescriptor {
    /// Its name as written.
    pub name: &'static str,
    /// What it does.
    pub description: &'static str,
    /// Its consumer group.
    pub group: &'static str,
    /// Topics whose records it handles.
    pub inputs: &'static [TopicUse],
    /// Co-partitioned tables.
    pub joins: &'static [TopicUse],
    /// Global tables.
    pub lookups: &'static [TopicUse],
    /// Topics it writes.
    pub outputs: &'static [OutputDescriptor],
    /// Its state; the topic is the changelog.
    pub persistence: Option<TopicUse>,
}

/// One output of a processor.
#[derive(Debug)]
pub struct OutputDescriptor {
    /// The topic it writes.
    pub topic: TopicUse,
    /// What its records mean.
    pub description: &'static str,
}

impl ServiceDescriptor {
    pub(crate) fn settings(&self, topic: &str) -> Option<&'static TopicSettings> {
        let index = self
            .topics
            .binary_search_by(|candidate| candidate.name.cmp(topic))
            .ok()?;
        self.topics[index].settings.as_ref()
    }
}

impl ProcessorDescriptor {
    /// As it is called in messages to people.
    pub(crate) fn title(&self, component: &ComponentDescriptor) -> String {
        format!("processor {} of component {}", self.name, component.name)
    }
}

impl SinkDescriptor {
    /// As it is called in messages to people.
    pub(crate) fn title(&self, component: &ComponentDescriptor) -> String {
        format!("sink {} of component {}", self.name, component.name)
    }
}

impl ViewSourceDescriptor {
    /// As it is called in messages to people.
    pub(crate) fn title(&self, component: &ComponentDescriptor) -> String {
        format!("view source {} of component {}", self.name, component.name)
    }
}

impl ViewSinkDescriptor {
    /// As it is called in messages to people.
    pub(crate) fn title(&self, component: &ComponentDescriptor) -> String {
        format!("view sink {} of component {}", self.name, component.name)
    }
}
