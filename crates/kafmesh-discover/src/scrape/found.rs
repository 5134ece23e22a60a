//! A process to ask, as Kubernetes lists it or as it was configured.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use kube::core::Object;
use serde::Deserialize;

use crate::mesh::pod::{Pod, PodKey};

const SCRAPE: &str = "kafmesh/scrape";
const PORT: &str = "kafmesh/port";
const TLS: &str = "kafmesh/tls";
const VERSION: &str = "app.kubernetes.io/version";

/// The port of a pod that is not annotated with one.
const DEFAULT_PORT: u16 = 443;

/// Of a pod as Kubernetes has it, what is looked at here: the rest is not kept while it is read.
pub(super) type Listed = Object<Spec, Status>;

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    node_name: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Status {
    phase: Option<String>,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    conditions: Option<Vec<Condition>>,
    container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Condition {
    r#type: String,
    status: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    #[serde(default)]
    restart_count: i64,
}

/// A process to ask. Another value for the same key means that it is to be asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) pod: Pod,
    /// Why it cannot be asked, if it cannot.
    pub(super) problem: Option<String>,
    /// How often its containers have restarted.
    restarts: i64,
    /// Whether it says that it is ready.
    pub(super) ready: bool,
    /// Whether it is being stopped.
    pub(super) leaving: bool,
}

impl Found {
    /// A static target: `host:port`, or `https://host:port`.
    pub(super) fn target(target: &str) -> Self {
        let (address, tls) = match target.strip_prefix("https://") {
            Some(address) => (address, true),
            None => (target, false),
        };
        Self {
            pod: Pod {
                key: PodKey::of_target(address),
                namespace: None,
                name: target.to_owned(),
                uid: None,
                address: address.to_owned(),
                tls,
                node: None,
                version: None,
            },
            problem: None,
            restarts: 0,
            ready: true,
            leaving: false,
        }
    }

    /// The process of a pod; `None` when it is none of the mesh: it is not annotated, or has ended.
    pub(super) fn pod(listed: Listed) -> Option<Self> {
        let metadata = listed.metadata;
        let annotations = metadata.annotations.unwrap_or_default();
        let scraped = annotations.get(SCRAPE)?;
        let status = listed.status.unwrap_or_default();
        let phase = status.phase.as_deref().unwrap_or("Pending");
        if !scraped.eq_ignore_ascii_case("true") || matches!(phase, "Succeeded" | "Failed") {
            return None;
        }
        let namespace = metadata.namespace.unwrap_or_default();
        let name = metadata.name.unwrap_or_default();
        let mut problems = Vec::new();
        let port = port(&annotations).unwrap_or_else(|problem| {
            problems.push(problem);
            DEFAULT_PORT
        });
        let tls = tls(&annotations).unwrap_or_else(|problem| {
            problems.push(problem);
            false
        });
        let address = match status.pod_ip.as_deref().filter(|ip| !ip.is_empty()) {
            _ if phase != "Running" => {
                problems.push(format!("the pod is not running yet (it is {phase})"));
                None
            }
            None => {
                problems.push("the pod has no address yet (status.podIP)".to_owned());
                None
            }
            Some(ip) => {
                let parsed = ip.parse::<IpAddr>();
                if parsed.is_err() {
                    problems.push(format!("its address is not an IP address: {ip:?}"));
                }
                parsed.ok().map(|ip| SocketAddr::new(ip, port).to_string())
            }
        };
        let key = PodKey::new(&namespace, &name);
        let problem = (!problems.is_empty()).then(|| format!("{key}: {}", problems.join("; ")));
        Some(Self {
            pod: Pod {
                key,
                namespace: Some(namespace),
                name,
                uid: metadata.uid,
                address: address.unwrap_or_default(),
                tls,
                node: listed.spec.node_name,
                version: metadata
                    .labels
                    .and_then(|mut labels| labels.remove(VERSION)),
            },
            problem,
            restarts: status
                .container_statuses
                .iter()
                .flatten()
                .map(|container| container.restart_count)
                .sum(),
            ready: status
                .conditions
                .iter()
                .flatten()
                .any(|condition| condition.r#type == "Ready" && condition.status == "True"),
            leaving: metadata.deletion_timestamp.is_some(),
        })
    }
}

/// The key of a pod, whether it is one of the mesh or not.
pub(super) fn key(listed: &Listed) -> PodKey {
    let metadata = &listed.metadata;
    PodKey::new(
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

fn port(annotations: &BTreeMap<String, String>) -> Result<u16, String> {
    let Some(port) = annotations.get(PORT) else {
        return Ok(DEFAULT_PORT);
    };
    match port.parse() {
        Ok(0) | Err(_) => Err(format!(
            "its annotation {PORT} is {port:?}; write a port from 1 to 65535"
        )),
        Ok(port) => Ok(port),
    }
}

fn tls(annotations: &BTreeMap<String, String>) -> Result<bool, String> {
    match annotations.get(TLS).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(tls) => Err(format!(
            "its annotation {TLS} is {tls:?}; write \"true\" or \"false\""
        )),
    }
}

#[cfg(test)]
mod tests;
