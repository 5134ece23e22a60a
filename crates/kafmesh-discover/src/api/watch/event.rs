//! What a watch tells the browser.

use jiff::Timestamp;
use kafmesh_proto::watch::v1 as proto;
use serde::Serialize;
use utoipa::ToSchema;

use crate::mesh::pod::PodKey;

/// An event of a watch.
#[derive(Debug)]
pub(in crate::api) enum Event {
    /// `joined`: a pod is watched from now on.
    Joined(PodEvent),
    /// `left`: a pod is gone, or no longer runs the processor.
    Left(PodEvent),
    /// `operation`
    Operation(Box<Operation>),
    /// `lost`
    Lost(Lost),
    /// `failed`: a pod cannot be watched for now.
    Failed(Failure),
}

impl Event {
    /// Its name in the stream.
    pub(in crate::api) fn name(&self) -> &'static str {
        match self {
            Self::Joined(_) => "joined",
            Self::Left(_) => "left",
            Self::Operation(_) => "operation",
            Self::Lost(_) => "lost",
            Self::Failed(_) => "failed",
        }
    }

    /// Its data.
    pub(in crate::api) fn json(&self) -> serde_json::Result<String> {
        match self {
            Self::Joined(pod) | Self::Left(pod) => serde_json::to_string(pod),
            Self::Operation(operation) => serde_json::to_string(operation),
            Self::Lost(lost) => serde_json::to_string(lost),
            Self::Failed(failure) => serde_json::to_string(failure),
        }
    }
}

/// Events `joined` and `left` of a watch: a pod that runs the processor.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchPod)]
pub(in crate::api) struct PodEvent {
    /// Which pod.
    pub(super) pod: PodKey,
}

/// Event `lost` of a watch: operations that are not shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchLost)]
pub(in crate::api) struct Lost {
    /// The pod that left them out; absent when it was kafmesh-discover, because the client reads too
    /// slowly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pod: Option<PodKey>,
    /// How many, since the last such event.
    pub(super) lost: u64,
}

/// Event `failed` of a watch: a pod cannot be watched for now; it is tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = WatchFailure)]
pub(in crate::api) struct Failure {
    /// Which pod; absent when it is about no single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pod: Option<PodKey>,
    /// What kind of failure.
    pub(super) kind: FailureKind,
    /// What happened and what to do.
    pub(super) message: String,
}

/// Kinds of failures of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = WatchFailureKind)]
pub(in crate::api) enum FailureKind {
    /// The pod does not let itself be watched.
    Disabled,
    /// The pod asks for a token, or for another.
    Token,
    /// The pod does not run the processor.
    NotRegistered,
    /// As many watch the pod as may.
    Busy,
    /// No connection, or it broke.
    Unreachable,
    /// The pod ended the stream.
    Ended,
    /// More pods run the processor than one watch may ask; some are left out.
    Limit,
}

/// Event `operation` of a watch: what happened with one record.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WatchOperation)]
pub(in crate::api) struct Operation {
    /// Where.
    pub(super) pod: PodKey,
    /// When its handling began.
    start_time: Option<Timestamp>,
    /// When it ended.
    end_time: Option<Timestamp>,
    /// The record.
    input: Option<Input>,
    /// What the handler read and did, in order.
    actions: Vec<Action>,
    /// How many later actions are left out, since there were too many.
    omitted_actions: u64,
    /// Why the record could not be handled; its effects did not take place then.
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
}

/// The record of an operation.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WatchInput)]
pub(in crate::api) struct Input {
    topic: String,
    /// The message as the definition names it.
    message: String,
    key: String,
    /// The message as JSON, in a text; empty when there is none (a delete).
    value: String,
    partition: i32,
    offset: i64,
    /// When the record was produced.
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
}

/// What a handler read or did; values are JSON in a text, empty when there is none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "action", rename_all = "camelCase")]
#[schema(as = WatchAction)]
pub(in crate::api) enum Action {
    /// It read a joined table.
    Join {
        topic: String,
        message: String,
        value: String,
    },
    /// It looked a key up.
    Lookup {
        topic: String,
        message: String,
        key: String,
        value: String,
    },
    /// It read its state.
    GetState {
        topic: String,
        message: String,
        value: String,
    },
    /// It wrote its state.
    SetState {
        topic: String,
        message: String,
        value: String,
    },
    /// It wrote a record.
    Output {
        topic: String,
        message: String,
        key: String,
        value: String,
    },
}

impl Operation {
    /// The operation of a pod.
    pub(super) fn new(pod: PodKey, operation: proto::Operation) -> Self {
        // All of them, so that a field that the contract gains is not forgotten here.
        let proto::Operation {
            start_time,
            end_time,
            input,
            actions,
            error,
            omitted_actions,
        } = operation;
        let actions = actions.into_iter().filter_map(|action| action.action);
        Self {
            pod,
            start_time: start_time.and_then(time),
            end_time: end_time.and_then(time),
            input: input.map(Input::from),
            actions: actions.map(Action::from).collect(),
            omitted_actions,
            error,
        }
    }
}

fn time(time: prost_types::Timestamp) -> Option<Timestamp> {
    Timestamp::new(time.seconds, time.nanos).ok()
}

impl From<proto::Input> for Input {
    fn from(input: proto::Input) -> Self {
        Self {
            topic: input.topic,
            message: input.message,
            key: input.key,
            value: input.value,
            partition: input.partition,
            offset: input.offset,
            timestamp: input.timestamp.and_then(time),
        }
    }
}

impl From<proto::action::Action> for Action {
    fn from(action: proto::action::Action) -> Self {
        use proto::action::Action as Proto;
        match action {
            Proto::Join(proto::Join {
                topic,
                message,
                value,
            }) => Self::Join {
                topic,
                message,
                value,
            },
            Proto::Lookup(proto::Lookup {
                topic,
                message,
                key,
                value,
            }) => Self::Lookup {
                topic,
                message,
                key,
                value,
            },
            Proto::GetState(proto::GetState {
                topic,
                message,
                value,
            }) => Self::GetState {
                topic,
                message,
                value,
            },
            Proto::SetState(proto::SetState {
                topic,
                message,
                value,
            }) => Self::SetState {
                topic,
                message,
                value,
            },
            Proto::Output(proto::Output {
                topic,
                message,
                key,
                value,
            }) => Self::Output {
                topic,
                message,
                key,
                value,
            },
        }
    }
}
