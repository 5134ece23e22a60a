//! The kind `ServiceMonitor` on a server, as the Prometheus operator defines it.

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
    serde_saphyr::from_str(include_str!("servicemonitors.yaml")).unwrap()
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
