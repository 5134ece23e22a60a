//! The contract of kafmesh for Go, written down once more and not taken from our .proto.

use prost_reflect::DescriptorPool;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto,
    FileDescriptorProto,
};

/// Its messages and their fields, in the order of their numbers, from 1. `*` stands for repeated; a
/// type that begins with a capital is a message.
const MESSAGES: &[(&str, &[(&str, &str)])] = &[
    ("GetServiceInfoResponse", &[("service", "Service")]),
    (
        "Service",
        &[
            ("name", "string"),
            ("description", "string"),
            ("components", "*Component"),
        ],
    ),
    (
        "Component",
        &[
            ("name", "string"),
            ("description", "string"),
            ("sources", "*Source"),
            ("processors", "*Processor"),
            ("sinks", "*Sink"),
            ("views", "*View"),
            ("view_sources", "*ViewSource"),
            ("view_sinks", "*ViewSink"),
        ],
    ),
    (
        "TopicDefinition",
        &[("topic", "string"), ("message", "string"), ("type", "enum")],
    ),
    ("Source", &[("topic", "TopicDefinition")]),
    ("View", &[("topic", "TopicDefinition")]),
    (
        "Processor",
        &[
            ("name", "string"),
            ("group_name", "string"),
            ("description", "string"),
            ("inputs", "*Input"),
            ("lookups", "*Lookup"),
            ("joins", "*Join"),
            ("outputs", "*Output"),
            ("persistence", "Persistence"),
        ],
    ),
    ("Input", &[("topic", "TopicDefinition")]),
    ("Join", &[("topic", "TopicDefinition")]),
    ("Lookup", &[("topic", "TopicDefinition")]),
    ("Persistence", &[("topic", "TopicDefinition")]),
    (
        "Output",
        &[("topic", "TopicDefinition"), ("description", "string")],
    ),
    (
        "Sink",
        &[
            ("name", "string"),
            ("description", "string"),
            ("topic", "TopicDefinition"),
        ],
    ),
    (
        "ViewSource",
        &[
            ("name", "string"),
            ("topic", "TopicDefinition"),
            ("description", "string"),
        ],
    ),
    (
        "ViewSink",
        &[
            ("name", "string"),
            ("topic", "TopicDefinition"),
            ("description", "string"),
        ],
    ),
];

const TOPIC_TYPES: [&str; 2] = ["TOPIC_TYPE_INVALID", "TOPIC_TYPE_PROTOBUF"];

const PACKAGE: &str = "kafmesh.discovery.v1";

pub(super) fn contract() -> DescriptorPool {
    let mut pool = DescriptorPool::new();
    pool.add_file_descriptor_proto(FileDescriptorProto {
        name: Some("go.proto".to_owned()),
        package: Some(PACKAGE.to_owned()),
        syntax: Some("proto3".to_owned()),
        message_type: MESSAGES.iter().map(message).collect(),
        enum_type: vec![EnumDescriptorProto {
            name: Some("TopicType".to_owned()),
            value: (0..).zip(TOPIC_TYPES).map(value).collect(),
            ..EnumDescriptorProto::default()
        }],
        ..FileDescriptorProto::default()
    })
    .unwrap();
    pool
}

fn message((name, fields): &(&str, &[(&str, &str)])) -> DescriptorProto {
    DescriptorProto {
        name: Some((*name).to_owned()),
        field: (1..).zip(fields.iter()).map(field).collect(),
        ..DescriptorProto::default()
    }
}

fn field((number, (name, of)): (i32, &(&str, &str))) -> FieldDescriptorProto {
    let (label, of) = match of.strip_prefix('*') {
        Some(of) => (Label::Repeated, of),
        None => (Label::Optional, *of),
    };
    let (kind, of) = match of {
        "string" => (Type::String, None),
        "enum" => (Type::Enum, Some("TopicType")),
        message => (Type::Message, Some(message)),
    };
    FieldDescriptorProto {
        name: Some((*name).to_owned()),
        number: Some(number),
        label: Some(label.into()),
        r#type: Some(kind.into()),
        type_name: of.map(|of| format!(".{PACKAGE}.{of}")),
        ..FieldDescriptorProto::default()
    }
}

fn value((number, name): (i32, &str)) -> EnumValueDescriptorProto {
    EnumValueDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        ..EnumValueDescriptorProto::default()
    }
}
