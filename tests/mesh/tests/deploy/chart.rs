//! Rendering the chart with the real helm, and what it refuses.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kafmesh_mesh_tests::servers;
use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `helm template` of the chart as the release kafmesh-discover in `namespace`, with `values` as YAML.
fn template(namespace: &str, values: &str) -> Output {
    let helm = servers::required("KAFMESH_TEST_HELM", "cargo xtask servers tools");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("values.yaml");
    std::fs::write(&file, values).unwrap();
    Command::new(helm)
        .args([
            "template",
            "kafmesh-discover",
            "deploy/helm/kafmesh-discover",
        ])
        .args(["--namespace", namespace, "--values"])
        .arg(file)
        .current_dir(root())
        .output()
        .unwrap()
}

/// The chart as text.
pub(crate) fn text(namespace: &str, values: &str) -> String {
    let output = template(namespace, values);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{values}\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The objects of the chart.
pub(crate) fn objects(namespace: &str, values: &str) -> Vec<Value> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text(namespace, values)).unwrap();
    let objects = objects.into_iter().filter(|object| !object.is_null());
    objects.collect()
}

/// The object of that kind, of which there is one.
pub(crate) fn one<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let one = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "several of {kind}");
    one
}

/// The settings in the chart's ConfigMap.
pub(crate) fn settings(objects: &[Value]) -> String {
    let data = &one(objects, "ConfigMap")["data"];
    data["discover.yaml"].as_str().unwrap().to_owned()
}

#[test]
fn wrong_values_are_refused_with_what_is_wrong() {
    for (values, wanted) in [
        ("replica: 2", "replica"),
        ("replicas: many", "/replicas"),
        ("namespaces: [Team]", "/namespaces/0"),
        ("settings: {token: hunter2}", "token"),
        ("settings: {listen: '0.0.0.0:1'}", "listen"),
        (
            "neo4j: {url: 'bolt://neo4j:secret@host:7687'}",
            "/neo4j/url",
        ),
        ("kafka: {properties: {sasl.password: x}}", "sasl.password"),
        ("image: {digest: latest}", "/image/digest"),
        (
            "tls: {clientCa: {secret: ca}}",
            "tls.clientCa needs tls.secret",
        ),
        (
            "serviceAccount: {create: false}",
            "serviceAccount.name is needed",
        ),
        ("ingress: {enabled: true}", "ingress.hosts is needed"),
    ] {
        let output = template("kafmesh", values);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{values} is accepted");
        assert!(errors.contains(wanted), "{values}\n{errors}");
    }
}

#[test]
fn the_pod_has_no_rights_it_does_not_need() {
    let objects = objects("kafmesh", "{}");
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
