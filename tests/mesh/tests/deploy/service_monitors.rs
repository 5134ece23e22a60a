//! The kind `ServiceMonitor` on a server, as far as the chart can use it and not a field more.
//!
//! The Prometheus operator brings the kind. Its fields are documented in the operator's API reference
//! (`monitoring.coreos.com/v1`, ServiceMonitor, Endpoint, SafeAuthorization and TLSConfig); these are
//! theirs by name, type and values, so that a field the operator does not know is refused here as well.

use std::time::Duration;

use kafmesh_mesh_tests::cluster::Cluster;
use kube::Client;
use kube::core::GroupVersionKind;
use kube::discovery::pinned_kind;
use serde_json::{Value, json};

use crate::applied::{apply, server, try_apply};
use crate::chart;

/// Has the server know ServiceMonitors, and waits until it does.
pub(crate) async fn define(client: &Client) {
    apply(client, &[definition()]).await;
    let kind = GroupVersionKind::gvk("monitoring.coreos.com", "v1", "ServiceMonitor");
    for _ in 0..300 {
        if pinned_kind(client, &kind).await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the server does not serve ServiceMonitors");
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": "servicemonitors.monitoring.coreos.com" },
        "spec": {
            "group": "monitoring.coreos.com",
            "scope": "Namespaced",
            "names": {
                "kind": "ServiceMonitor",
                "listKind": "ServiceMonitorList",
                "plural": "servicemonitors",
                "singular": "servicemonitor",
            },
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "schema": { "openAPIV3Schema": {
                    "type": "object",
                    "required": ["spec"],
                    "properties": { "spec": spec() },
                } },
            }],
        },
    })
}

fn spec() -> Value {
    let text = json!({ "type": "string" });
    let labels = json!({ "type": "object", "additionalProperties": text });
    let duration = json!({
        "type": "string",
        "pattern": "^([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
    });
    let key = object(
        &["key"],
        json!({ "name": text, "key": text, "optional": { "type": "boolean" } }),
    );
    let secret_or_map = object(&[], json!({ "secret": key, "configMap": key }));
    let version = json!({ "type": "string", "enum": ["TLS10", "TLS11", "TLS12", "TLS13"] });
    let tls = object(
        &[],
        json!({
            "ca": secret_or_map,
            "cert": secret_or_map,
            "keySecret": key,
            "caFile": text,
            "certFile": text,
            "keyFile": text,
            "serverName": text,
            "insecureSkipVerify": { "type": "boolean" },
            "minVersion": version,
            "maxVersion": version,
        }),
    );
    let endpoint = object(
        &[],
        json!({
            "port": text,
            "path": text,
            "scheme": { "type": "string", "enum": ["http", "https"] },
            "interval": duration,
            "authorization": object(&[], json!({ "type": text, "credentials": key })),
            "tlsConfig": tls,
        }),
    );
    object(
        &["selector", "endpoints"],
        json!({
            "selector": object(&[], json!({ "matchLabels": labels })),
            "endpoints": { "type": "array", "items": endpoint },
        }),
    )
}

fn object(required: &[&str], properties: Value) -> Value {
    let mut object = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        object["required"] = required.into();
    }
    object
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_does_not_know_is_refused() {
    let client = server().await.admin().await;
    Cluster::new(client.clone()).namespace("monitored").await;
    define(&client).await;
    let values = "open: true\nserviceMonitor: {enabled: true, tlsConfig: {serverName: mesh}}";
    let objects = chart::objects("monitored", values);
    let monitor = chart::one(&objects, "ServiceMonitor");
    apply(&client, std::slice::from_ref(monitor)).await;
    for (place, field, value) in [
        ("/spec", "endpoint", json!([])),
        ("/spec/endpoints/0", "tlsConfg", json!({})),
        ("/spec/endpoints/0", "interval", json!("often")),
        ("/spec/endpoints/0/tlsConfig", "certificate", json!("a")),
    ] {
        let mut monitor = monitor.clone();
        monitor.pointer_mut(place).unwrap()[field] = value;
        let refused = try_apply(&client, &monitor).await.unwrap_err();
        assert!(refused.to_string().contains(field), "{refused}");
    }
}
