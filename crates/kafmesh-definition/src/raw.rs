//! The YAML as it is written: one type per mapping, from which the JSON Schemas come too.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::yaml::{Count, Field, Many, Quantity};

/// A kafmesh service: `definition.yaml`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(title = "kafmesh definition", rename = "Definition")]
pub(crate) struct RawDefinition {
    /// The service's name; topics and consumer groups begin with it.
    #[schemars(extend("required" = true))]
    pub(crate) name: Field<String>,
    /// What the service is for.
    pub(crate) description: Field<String>,
    /// Where generated code goes.
    #[schemars(extend("required" = true))]
    pub(crate) output: Field<RawOutput>,
    /// Where the messages are defined.
    pub(crate) messages: Field<RawMessages>,
    /// The files of the components, relative to this file: paths or patterns (`./components/*.yaml`).
    pub(crate) components: Many<String>,
    /// Settings of the topics this service creates, for those that do not set their own.
    pub(crate) defaults: Field<RawDefaults>,
}

/// Where generated code goes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "Output")]
pub(crate) struct RawOutput {
    /// Name of the generated Rust module. Default: `definitions`.
    pub(crate) package: Field<String>,
    /// Directory of the generated code, relative to the directory the command runs in, and inside it.
    #[schemars(extend("required" = true))]
    pub(crate) path: Field<String>,
    /// Name of the crate the code is generated into.
    pub(crate) module: Field<String>,
}

/// Where the messages are defined.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "Messages")]
pub(crate) struct RawMessages {
    /// Directories of .proto files, searched through and imported from, or single .proto files;
    /// relative to this file.
    pub(crate) protobuf: Many<String>,
}

/// Settings of the topics this service creates, for those that do not set their own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "Defaults")]
pub(crate) struct RawDefaults {
    /// Number of partitions. Default: 10.
    pub(crate) partition: Field<Count>,
    /// Replication factor. Default: 1.
    pub(crate) replication: Field<Count>,
    /// How messages are encoded. Default: `protobuf`, the only one there is.
    #[serde(rename = "type")]
    #[schemars(with = "TypeSchema")]
    pub(crate) message_type: Field<String>,
    /// How long records are kept (`24h`, `7d`). Default: `24h`.
    pub(crate) retention: Field<Quantity>,
    /// How long a log segment stays open (`90m`, `12h`). Default: `12h`.
    pub(crate) segment: Field<Quantity>,
}

/// A component: a named group of objects that belong together, in a file of its own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(title = "kafmesh component", rename = "Component")]
pub(crate) struct RawComponent {
    /// The component's name.
    #[schemars(extend("required" = true))]
    pub(crate) name: Field<String>,
    /// What it is for.
    pub(crate) description: Field<String>,
    /// How data gets into Kafka from the service's own code.
    pub(crate) sources: Many<RawSource>,
    /// Who reacts to topics, per key.
    pub(crate) processors: Many<RawProcessor>,
    /// Who ships a topic's records to an external store.
    pub(crate) sinks: Many<RawSink>,
    /// Local, always up-to-date copies of topics.
    pub(crate) views: Many<RawView>,
    /// Who keeps a compacted topic equal to an external data set.
    pub(crate) view_sources: Many<RawViewSource>,
    /// Who hands a whole view to an external system.
    pub(crate) view_sinks: Many<RawViewSink>,
    /// State per key that those of the component's processors share which have none of their own.
    pub(crate) persistence: Many<RawPersistence>,
}

/// Who reacts to input topics, per key, with optional state, joins and lookups.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(rename = "Processor")]
pub(crate) struct RawProcessor {
    /// The processor's name.
    #[schemars(extend("required" = true))]
    pub(crate) name: Field<String>,
    /// What it does.
    pub(crate) description: Field<String>,
    /// Its consumer group, unless it shares its component's state. Default: `service.component.processor`.
    pub(crate) group_name: Field<String>,
    /// Topics whose records it handles.
    #[schemars(extend("required" = true))]
    pub(crate) inputs: Many<RawInput>,
    /// Tables partitioned like the inputs, read by the record's own key.
    pub(crate) joins: Many<RawJoin>,
    /// Global tables, read by any key.
    pub(crate) lookups: Many<RawLookup>,
    /// Topics it writes.
    pub(crate) outputs: Many<RawProcessorOutput>,
    /// Its state per key, kept in a compacted topic; without, it shares its component's if there is one.
    pub(crate) persistence: Many<RawPersistence>,
}

/// What every object says of its topic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference<'a> {
    pub(crate) message: &'a Field<String>,
    pub(crate) topic: &'a Field<String>,
    pub(crate) message_type: &'a Field<String>,
}

/// What an object may say of how its topic is created.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Creation<'a> {
    pub(crate) partitions: &'a Field<Count>,
    pub(crate) replicas: &'a Field<Count>,
    pub(crate) compact: &'a Field<bool>,
    pub(crate) retention: &'a Field<Quantity>,
    pub(crate) segment: &'a Field<Quantity>,
}

/// Declares mappings that name a topic: serde's `flatten` would lose positions and field names.
macro_rules! topic_mappings {
    (@common $(#[$doc:meta])* $name:ident $title:literal $topic:literal
        { $($(#[$own_doc:meta])* $own:ident: $own_type:ty,)* }
        { $($(#[$setting_doc:meta])* $setting:ident: $setting_type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(default, rename_all = "camelCase")]
        #[schemars(rename = $title)]
        pub(crate) struct $name {
            $($(#[$own_doc])* pub(crate) $own: $own_type,)*
            /// The message: `package.message` for this service's own topics (`userId.click`),
            /// `service.package.message` for another service's.
            #[schemars(extend("required" = true))]
            pub(crate) message: Field<String>,
            #[doc = $topic]
            pub(crate) topic: Field<String>,
            /// How the message is encoded. Default: `protobuf`, the only one there is.
            #[serde(rename = "type")]
            #[schemars(with = "TypeSchema")]
            pub(crate) message_type: Field<String>,
            $($(#[$setting_doc])* pub(crate) $setting: $setting_type,)*
        }

        impl $name {
            pub(crate) fn reference(&self) -> Reference<'_> {
                Reference { message: &self.message, topic: &self.topic, message_type: &self.message_type }
            }
        }
    };
    ($(#[$doc:meta])* $name:ident $title:literal existing { $($own:tt)* }) => {
        topic_mappings! { @common $(#[$doc])* $name $title
            "The topic's name. Default: `service.package.message`."
            { $($own)* } {}
        }
    };
    ($(#[$doc:meta])* $name:ident $title:literal created { $($own:tt)* }) => {
        topic_mappings! { @settings $(#[$doc])* $name $title { $($own)* }
            "The topic's name. Default: `service.package.message`."
            "Number of partitions. Default: `defaults.partition`."
            "Replication factor. Default: `defaults.replication`."
            "Whether only the last record of each key is kept. Default: `false`."
            "How long records are kept, or deletes when the topic is compacted (`24h`, `7d`). Default: `defaults.retention`."
            "How long a log segment stays open (`90m`, `12h`). Default: `defaults.segment`."
        }
    };
    ($(#[$doc:meta])* $name:ident $title:literal compacted $topic:literal { $($own:tt)* }) => {
        topic_mappings! { @settings $(#[$doc])* $name $title { $($own)* }
            $topic
            "Number of partitions. Default: `defaults.partition`."
            "Replication factor. Default: `defaults.replication`."
            "Always `true`, so it may be left out."
            "How long deletes are kept; the topic is compacted. Default: `defaults.retention`."
            "How long a log segment stays open (`90m`, `12h`). Default: `defaults.segment`."
        }
    };
    ($(#[$doc:meta])* $name:ident $title:literal expected { $($own:tt)* }) => {
        topic_mappings! { @settings $(#[$doc])* $name $title { $($own)* }
            "The topic's name. Default: `service.package.message`."
            "Number of partitions the topic must be created with."
            "Replication factor the topic must be created with."
            "Whether the topic must keep only the last record of each key."
            "How long the topic must keep records (`24h`, `7d`)."
            "How long a log segment of the topic must stay open (`90m`, `12h`)."
        }
    };
    (@settings $(#[$doc:meta])* $name:ident $title:literal { $($own:tt)* }
        $topic:literal $partitions:literal $replicas:literal $compact:literal $retention:literal $segment:literal) => {
        topic_mappings! { @common $(#[$doc])* $name $title $topic { $($own)* } {
            #[doc = $partitions]
            partitions: Field<Count>,
            #[doc = $replicas]
            replicas: Field<Count>,
            #[doc = $compact]
            compact: Field<bool>,
            #[doc = $retention]
            retention: Field<Quantity>,
            #[doc = $segment]
            segment: Field<Quantity>,
        } }

        impl $name {
            pub(crate) fn creation(&self) -> Creation<'_> {
                Creation {
                    partitions: &self.partitions,
                    replicas: &self.replicas,
                    compact: &self.compact,
                    retention: &self.retention,
                    segment: &self.segment,
                }
            }
        }
    };
}

topic_mappings! {
    /// How data gets into Kafka from the service's own code.
    RawSource "Source" created {}
}
topic_mappings! {
    /// A local, always up-to-date copy of a topic.
    RawView "View" expected {}
}
topic_mappings! {
    /// A topic a processor writes.
    RawProcessorOutput "ProcessorOutput" created {
        /// What the records mean.
        description: Field<String>,
    }
}
topic_mappings! {
    /// State per key, kept in a compacted topic.
    RawPersistence "Persistence" compacted "The topic's name. Default: its consumer group and `-table`." {}
}
topic_mappings! {
    /// Who keeps a compacted topic equal to an external data set.
    RawViewSource "ViewSource" compacted "The topic's name. Default: `service.package.message`." {
        /// The view source's name.
        #[schemars(extend("required" = true))]
        name: Field<String>,
        /// What it does.
        description: Field<String>,
    }
}
topic_mappings! {
    /// Who hands a whole view to an external system.
    RawViewSink "ViewSink" expected {
        /// The view sink's name.
        #[schemars(extend("required" = true))]
        name: Field<String>,
        /// What it does.
        description: Field<String>,
    }
}
topic_mappings! {
    /// Who ships a topic's records to an external store.
    RawSink "Sink" existing {
        /// The sink's name.
        #[schemars(extend("required" = true))]
        name: Field<String>,
        /// What it does.
        description: Field<String>,
    }
}
topic_mappings! {
    /// A topic whose records a processor handles.
    RawInput "Input" existing {}
}
topic_mappings! {
    /// A table partitioned like the processor's inputs.
    RawJoin "Join" existing {}
}
topic_mappings! {
    /// A global table.
    RawLookup "Lookup" existing {}
}

impl<T: JsonSchema> JsonSchema for Field<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: JsonSchema> JsonSchema for Many<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [{ "type": "array", "items": one }, one] })
    }
}

impl JsonSchema for Quantity {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^([0-9]+(ms|s|m|h|d))+$", "examples": ["24h", "90m", "7d"] })
    }
}

impl JsonSchema for Count {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1 })
    }
}

/// The schema of a message encoding.
struct TypeSchema;

impl JsonSchema for TypeSchema {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Type".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": ["protobuf"] })
    }
}
