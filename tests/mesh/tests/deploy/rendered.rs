//! What the chart makes of its values.

use std::collections::BTreeSet;

use crate::applied::EVERYTHING;
use crate::chart::{notes, objects, one, settings};

#[test]
fn the_pod_has_no_rights_it_does_not_need() {
    let objects = objects("kafmesh", "open: true");
    let pod = &one(&objects, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(
        pod["securityContext"]["seccompProfile"]["type"],
        "RuntimeDefault"
    );
    assert_eq!(pod["containers"].as_array().unwrap().len(), 1);
    let container = &pod["containers"][0];
    assert_eq!(
        container["securityContext"],
        serde_json::json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        })
    );
    assert_eq!(
        container["livenessProbe"]["httpGet"]["path"],
        "/health/live"
    );
    assert_eq!(
        container["readinessProbe"]["httpGet"]["path"],
        "/health/ready"
    );
    assert!(container["resources"]["limits"]["memory"].is_string());
}

#[test]
fn secrets_are_referred_to_and_not_in_the_settings() {
    let objects = objects(
        "kafmesh",
        "token: {secret: access}\nneo4j: {url: 'bolt://graph:7687', password: {secret: graph}}\n\
         kafka:\n  brokers: k:9092\n  secretProperties: {sasl.password: {secret: kafka, key: p}}\n",
    );
    assert!(objects.iter().all(|object| object["kind"] != "Secret"));
    let settings = settings(&objects);
    let folder = "/etc/kafmesh-discover/secrets";
    for line in [
        format!("token-file: {folder}/token"),
        format!("neo4j-password-file: {folder}/neo4j-password"),
        "brokers: k:9092".to_owned(),
    ] {
        assert!(settings.lines().any(|l| l == line), "{line}\n{settings}");
    }
    let pod = &one(&objects, "Deployment")["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    let variables = container["env"].as_array().unwrap();
    let password = variables
        .iter()
        .find(|variable| variable["name"] == "KAFMESH_KAFKA_SASL_PASSWORD")
        .unwrap();
    assert_eq!(password["valueFrom"]["secretKeyRef"]["name"], "kafka");
    let mounted = &pod["volumes"][1]["projected"];
    assert_eq!(mounted["defaultMode"], 0o440);
    assert_eq!(mounted["sources"].as_array().unwrap().len(), 2);
}

#[test]
fn each_file_that_the_settings_name_is_in_the_pod() {
    let objects = objects("kafmesh", EVERYTHING);
    let settings = settings(&objects);
    let named: BTreeSet<&str> = settings
        .lines()
        .filter_map(|line| line.split_once(": /etc/kafmesh-discover/secrets/"))
        .map(|(_, file)| file)
        .collect();
    let pod = &one(&objects, "Deployment")["spec"]["template"]["spec"];
    let sources = pod["volumes"][1]["projected"]["sources"].as_array();
    let items = sources.unwrap().iter().map(|it| &it["secret"]["items"]);
    let mounted: BTreeSet<&str> = items
        .flat_map(|items| items.as_array().unwrap())
        .map(|item| item["path"].as_str().unwrap())
        .collect();
    assert_eq!(named, mounted);
    assert!(named.contains("neo4j-ca.crt"), "{named:?}");
}

#[test]
fn a_stop_has_the_time_that_it_is_given() {
    let objects = objects(
        "kafmesh",
        "open: true\nshutdown: {delaySeconds: 20, timeoutSeconds: 120}",
    );
    let settings = settings(&objects);
    for line in ["shutdown-delay: 20s", "shutdown-timeout: 120s"] {
        assert!(settings.lines().any(|l| l == line), "{line}\n{settings}");
    }
    let pod = &one(&objects, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod["terminationGracePeriodSeconds"], 150);
}

#[test]
fn clients_stay_with_a_replica_where_there_are_several() {
    for (replicas, affinity) in [(0, None), (1, None), (2, Some("ClientIP"))] {
        let objects = objects("kafmesh", &format!("open: true\nreplicas: {replicas}"));
        let service = &one(&objects, "Service")["spec"];
        assert_eq!(service["sessionAffinity"].as_str(), affinity, "{replicas}");
    }
}

#[test]
fn prometheus_is_told_how_to_reach_a_port_with_certificates() {
    let monitor = |values: &str| {
        let values = format!("serviceMonitor: {{enabled: true{values}");
        let objects = objects("kafmesh", &values);
        one(&objects, "ServiceMonitor")["spec"]["endpoints"][0].clone()
    };
    let plain = monitor("}\ntoken: {secret: access, key: t}");
    assert_eq!(plain["scheme"], "http");
    assert!(plain["tlsConfig"].is_null());
    let credentials = &plain["authorization"]["credentials"];
    assert_eq!(credentials["name"], "access");
    assert_eq!(credentials["key"], "t");

    let shown = "{ca: {configMap: {name: ca, key: ca.pem}}, serverName: mesh, \
                 cert: {secret: {name: p, key: tls.crt}}, keySecret: {name: p, key: tls.key}}";
    let with_certificates = "tls: {secret: port, clientCa: {secret: authorities}}";
    let endpoint = monitor(&format!(", tlsConfig: {shown}}}\n{with_certificates}"));
    let wanted: serde_json::Value = serde_saphyr::from_str(shown).unwrap();
    assert_eq!(endpoint["scheme"], "https");
    assert_eq!(endpoint["tlsConfig"], wanted);

    let open = monitor(&format!(
        ", tlsConfig: {{serverName: mesh}}}}\n{with_certificates}\nsettings: {{open-metrics: true}}"
    ));
    assert_eq!(
        open["tlsConfig"],
        serde_json::json!({ "serverName": "mesh" })
    );
}

#[test]
fn the_notes_name_paths_that_there_are_and_what_they_need() {
    let description = serde_json::to_value(kafmesh_discover::api::description()).unwrap();
    let paths = description["paths"].as_object().unwrap();
    for (values, wanted) in [
        (
            "open: true",
            &["curl http://localhost:8080/", "Everybody"][..],
        ),
        (
            "token: {secret: access, key: the.token}",
            &[
                "get secret access -o go-template='{{index .data \"the.token\" | base64decode}}'",
                "curl -H \"Authorization: Bearer $TOKEN\" http://localhost:8080/",
            ],
        ),
        (
            "tls: {secret: port, clientCa: {secret: authorities}}",
            &[
                "--cacert ca.crt --connect-to kafmesh-discover.kafmesh.svc:443:localhost:8080",
                "--cert tls.crt --key tls.key https://kafmesh-discover.kafmesh.svc/",
            ],
        ),
    ] {
        let notes = notes("kafmesh", values);
        for part in wanted {
            assert!(notes.contains(part), "{part}\n{notes}");
        }
        let urls = notes
            .split_whitespace()
            .filter_map(|word| word.split_once("://"));
        let mut urls = urls
            .map(|(_, rest)| &rest[rest.find('/').unwrap()..])
            .peekable();
        assert!(urls.peek().is_some(), "{notes}");
        for path in urls {
            assert!(paths.contains_key(path), "there is no {path}");
        }
    }
}
