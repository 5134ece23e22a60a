//! The processes of the mesh, and what is known of each.

use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::description::Description;

/// What a pod is told apart by: `namespace/name`, or `(static)/host:port` for a static target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct PodKey(Arc<str>);

impl PodKey {
    /// The key of a pod.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self(format!("{namespace}/{name}").into())
    }

    /// The key of a static target.
    pub fn of_target(address: &str) -> Self {
        Self(format!("{TARGETS}/{address}").into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Stands for the namespace of static targets; Kubernetes allows no such namespace.
pub const TARGETS: &str = "(static)";

impl fmt::Display for PodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A process to ask, as Kubernetes or the configuration knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pod {
    /// What it is told apart by.
    pub key: PodKey,
    /// Its namespace; `None` for a static target.
    pub namespace: Option<String>,
    /// Its name, or the target as it was given.
    pub name: String,
    /// Changes when a pod is replaced by another of the same name; `None` for a static target.
    pub uid: Option<String>,
    /// Where its gRPC port is: `address:port`; the address comes from the pod's status only.
    pub address: String,
    /// Whether the port speaks TLS.
    pub tls: bool,
    /// The node it runs on.
    pub node: Option<String>,
    /// Its label `app.kubernetes.io/version`.
    pub version: Option<String>,
}

/// What the process says of itself as an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Instance {
    /// Its own name.
    pub name: String,
    /// The version of kafmesh it was built with; empty for kafmesh for Go.
    pub kafmesh_version: String,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Whether its processors can be watched.
    pub watch: bool,
}

/// What is known of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// The pod.
    pub pod: Pod,
    /// What it said last; `None` when it never answered.
    pub answer: Option<Answer>,
    /// Why it did not answer when it was asked last; `None` when it did. With an answer besides, that
    /// answer is stale.
    pub failure: Option<Failure>,
}

impl Observed {
    /// Whether what is known of it may no longer be so.
    pub fn is_stale(&self) -> bool {
        self.answer.is_some() && self.failure.is_some()
    }
}

/// What a pod answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Since when it says so: the same answer again does not move it, unless there was a [`Failure`] in
    /// between.
    pub at: Timestamp,
    /// The process.
    pub instance: Instance,
    /// What runs in it. Equal ones of several pods share one allocation.
    pub description: Arc<Description>,
}

/// Why a pod could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// When that was found first; later failures in a row do not move it.
    pub since: Timestamp,
    /// What kind of failure.
    pub kind: FailureKind,
    /// What happened and what to do.
    pub message: String,
}

/// Kinds of [`Failure`].
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Nobody listens, or the connection broke.
    Unreachable,
    /// No whole answer within the deadline.
    Timeout,
    /// The answer is longer than allowed.
    TooLarge,
    /// The answer is no gRPC, or is not what the contract says.
    Invalid,
    /// It answers, but serves neither contract.
    Unsupported,
    /// It does not let us ask: TLS, a certificate, a token.
    Denied,
    /// The pod's annotations or status do not say where to ask.
    NoAddress,
    /// It is known from an earlier run of kafmesh-discover, and was not asked in this one yet.
    NotAsked,
    /// A kind that this version of kafmesh-discover does not know; another replica found it.
    #[serde(other)]
    Other,
}

impl FailureKind {
    /// Its name in answers, metrics and the graph.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::TooLarge => "too-large",
            Self::Invalid => "invalid",
            Self::Unsupported => "unsupported",
            Self::Denied => "denied",
            Self::NoAddress => "no-address",
            Self::NotAsked => "not-asked",
            Self::Other => "other",
        }
    }
}

/// Every pod there is, by key: all that is known of the mesh; everything else follows from it.
pub type Pods = BTreeMap<PodKey, Arc<Observed>>;
