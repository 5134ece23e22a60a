//! Rendering the chart with the real helm.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kafmesh_mesh_tests::servers;
use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The chart as the release kafmesh-discover in `namespace`, with `values` as YAML, rendered by
/// `command`.
pub(crate) fn helm(command: &[&str], namespace: &str, values: &str) -> Output {
    let helm = servers::required("KAFMESH_TEST_HELM", "cargo xtask servers tools");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("values.yaml");
    std::fs::write(&file, values).unwrap();
    Command::new(helm)
        .args(command)
        .args(["kafmesh-discover", "deploy/helm/kafmesh-discover"])
        .args(["--namespace", namespace, "--values"])
        .arg(file)
        .current_dir(root())
        // Nothing here may depend on a cluster that this machine knows.
        .env("KUBECONFIG", "/dev/null")
        .output()
        .unwrap()
}

/// What helm prints.
fn printed(output: Output, values: &str) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{values}\n{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The chart as text.
pub(crate) fn text(namespace: &str, values: &str) -> String {
    printed(helm(&["template"], namespace, values), values)
}

/// What who installs the chart is told.
pub(crate) fn notes(namespace: &str, values: &str) -> String {
    let output = helm(&["install", "--dry-run=client"], namespace, values);
    let printed = printed(output, values);
    let (_, notes) = printed.split_once("\nNOTES:\n").unwrap();
    notes.to_owned()
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
