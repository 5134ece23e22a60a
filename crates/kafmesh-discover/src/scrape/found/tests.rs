//! What pods of Kubernetes become.

use serde_json::{Value, json};

use super::*;

fn listed(change: impl FnOnce(&mut Value)) -> Listed {
    let mut pod = json!({
        "metadata": {
            "namespace": "shop", "name": "clicks-0", "uid": "u1",
            "annotations": { "kafmesh/scrape": "true", "kafmesh/port": "50051" },
            "labels": { "app.kubernetes.io/version": "1.2.3" },
        },
        "spec": { "nodeName": "node-1", "containers": [{ "name": "app", "image": "app" }] },
        "status": {
            "phase": "Running", "podIP": "10.1.2.3",
            "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [{ "restartCount": 2 }],
        },
    });
    change(&mut pod);
    serde_json::from_value(pod).unwrap()
}

fn found(change: impl FnOnce(&mut Value)) -> Found {
    Found::pod(listed(change)).unwrap()
}

fn problem(change: impl FnOnce(&mut Value)) -> String {
    found(change).problem.unwrap()
}

#[test]
fn a_pod_of_the_mesh() {
    assert_eq!(
        found(|_| {}),
        Found {
            pod: Pod {
                key: PodKey::new("shop", "clicks-0"),
                namespace: Some("shop".to_owned()),
                name: "clicks-0".to_owned(),
                uid: Some("u1".to_owned()),
                address: "10.1.2.3:50051".to_owned(),
                tls: false,
                node: Some("node-1".to_owned()),
                version: Some("1.2.3".to_owned()),
            },
            problem: None,
            restarts: 2,
            ready: true,
            leaving: false,
        }
    );
}

#[test]
fn the_port_is_443_and_tls_is_off_unless_annotated() {
    let annotate =
        |annotations: Value| found(|pod| pod["metadata"]["annotations"] = annotations).pod;
    let plain = annotate(json!({ "kafmesh/scrape": "true" }));
    assert_eq!((plain.address.as_str(), plain.tls), ("10.1.2.3:443", false));
    let tls = annotate(json!({ "kafmesh/scrape": "True", "kafmesh/tls": "true" }));
    assert!(tls.tls);
}

#[test]
fn an_ipv6_address_is_in_brackets() {
    let found = found(|pod| pod["status"]["podIP"] = json!("fd00::7"));
    assert_eq!(found.pod.address, "[fd00::7]:50051");
}

#[test]
fn other_pods_and_those_that_have_ended_are_none() {
    let none = |change: fn(&mut Value)| assert_eq!(Found::pod(listed(change)), None);
    none(|pod| pod["metadata"]["annotations"] = Value::Null);
    none(|pod| pod["metadata"]["annotations"]["kafmesh/scrape"] = json!("false"));
    none(|pod| pod["status"]["phase"] = json!("Succeeded"));
    none(|pod| pod["status"]["phase"] = json!("Failed"));
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    for port in ["0", "65536", "grpc", "", "-1"] {
        assert_eq!(
            problem(|pod| pod["metadata"]["annotations"]["kafmesh/port"] = json!(port)),
            format!(
                "shop/clicks-0: its annotation kafmesh/port is {port:?}; write a port from 1 to \
                 65535"
            )
        );
    }
    assert_eq!(
        problem(|pod| pod["metadata"]["annotations"]["kafmesh/tls"] = json!("yes")),
        "shop/clicks-0: its annotation kafmesh/tls is \"yes\"; write \"true\" or \"false\""
    );
    assert_eq!(
        problem(|pod| pod["status"]["podIP"] = Value::Null),
        "shop/clicks-0: the pod has no address yet (status.podIP)"
    );
    assert_eq!(
        problem(|pod| pod["status"]["podIP"] = json!("example.com")),
        "shop/clicks-0: its address is not an IP address: \"example.com\""
    );
    assert_eq!(
        problem(|pod| {
            pod["status"] = Value::Null;
            pod["metadata"]["annotations"]["kafmesh/port"] = json!("no");
        }),
        "shop/clicks-0: its annotation kafmesh/port is \"no\"; write a port from 1 to 65535; the \
         pod is not running yet (it is Pending)"
    );
}

#[test]
fn a_target_as_it_is_given() {
    let plain = Found::target("clicks.example:443").pod;
    assert_eq!(plain.key.as_str(), "(static)/clicks.example:443");
    assert_eq!(
        (plain.address.as_str(), plain.tls),
        ("clicks.example:443", false)
    );
    let tls = Found::target("https://clicks.example:443").pod;
    assert_eq!(
        (tls.address.as_str(), tls.tls),
        ("clicks.example:443", true)
    );
    assert_eq!(tls.name, "https://clicks.example:443");
}
