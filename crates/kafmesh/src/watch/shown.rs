//! Operations as they are sent: bytes become JSON, numbers become names.

use kafmesh_proto::watch::v1;
use prost_types::Timestamp;

use super::hub::Hub;
use super::json::{Types, note_of};
use super::operation::{Action, Kind, Operation, Value};
use crate::codegen::{ProcessorDescriptor, TopicUse};
use crate::kafka::{readable, time_of};

/// Bytes of JSON of one value.
const MAX_JSON: usize = 256 << 10;

/// Bytes of JSON of one operation, so that it remains below the 4 MiB that gRPC clients take.
const MAX_OPERATION: usize = 1 << 20;

/// `operation` as it concerns number `part` of the processors of `hub`.
pub(super) fn shown(hub: &Hub, part: usize, operation: &Operation, types: &Types) -> v1::Operation {
    let descriptor = hub.descriptor();
    let mut show = Show {
        operation,
        types,
        left: MAX_OPERATION,
    };
    let input = show.input(descriptor);
    let actions = operation.actions.iter();
    let actions = actions
        .filter(|action| action.part == part)
        .map(|action| show.action(descriptor, action))
        .collect();
    v1::Operation {
        start_time: Some(operation.began.into()),
        end_time: Some(operation.ended.into()),
        input: Some(input),
        actions,
        error: operation.error.clone().unwrap_or_default(),
        omitted_actions: operation.omitted.get(part).copied().unwrap_or(0),
    }
}

struct Show<'a> {
    operation: &'a Operation,
    types: &'a Types,
    /// Bytes of JSON that the operation may still have.
    left: usize,
}

impl Show<'_> {
    fn input(&mut self, descriptor: &'static ProcessorDescriptor) -> v1::Input {
        let operation = self.operation;
        let (topic, message, message_type) = names(descriptor.inputs.get(operation.input));
        v1::Input {
            topic,
            message,
            value: self.value(message_type, &operation.value),
            key: self.key(&operation.key),
            partition: operation.partition,
            offset: operation.offset,
            timestamp: (operation.timestamp >= 0)
                .then(|| Timestamp::from(time_of(operation.timestamp))),
        }
    }

    fn action(&mut self, descriptor: &'static ProcessorDescriptor, action: &Action) -> v1::Action {
        use v1::action::Action as Shown;
        let used = match action.kind {
            Kind::Join(index) => descriptor.joins.get(index),
            Kind::Lookup(index) => descriptor.lookups.get(index),
            Kind::Output(index) => descriptor.outputs.get(index).map(|output| &output.topic),
            Kind::GetState | Kind::SetState => descriptor.persistence.as_ref(),
        };
        let (topic, message, message_type) = names(used);
        let value = self.value(message_type, &action.value);
        let key = self.key(&action.key);
        let action = match action.kind {
            Kind::Join(_) => Shown::Join(v1::Join {
                topic,
                message,
                value,
            }),
            Kind::Lookup(_) => Shown::Lookup(v1::Lookup {
                topic,
                message,
                key,
                value,
            }),
            Kind::GetState => Shown::GetState(v1::GetState {
                topic,
                message,
                value,
            }),
            Kind::SetState => Shown::SetState(v1::SetState {
                topic,
                message,
                value,
            }),
            Kind::Output(_) => Shown::Output(v1::Output {
                topic,
                message,
                key,
                value,
            }),
        };
        v1::Action {
            action: Some(action),
        }
    }

    fn key(&self, range: &std::ops::Range<usize>) -> String {
        readable(self.operation.bytes(range))
    }

    fn value(&mut self, message_type: &str, value: &Value) -> String {
        let json = match value {
            Value::None => String::new(),
            Value::TooLong(length) => note_of(message_type, *length, "it is too long to be shown"),
            Value::Bytes(range) => {
                let bytes = self.operation.bytes(range);
                self.types
                    .json(message_type, bytes, self.left.min(MAX_JSON))
            }
        };
        self.left = self.left.saturating_sub(json.len());
        json
    }
}

/// Topic, message and type of a use.
fn names(used: Option<&'static TopicUse>) -> (String, String, &'static str) {
    used.map_or_else(Default::default, |used| {
        (
            used.topic.to_owned(),
            used.message.to_owned(),
            used.message_type,
        )
    })
}
