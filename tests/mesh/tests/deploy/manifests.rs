//! The manifests for kubectl are the chart.

use std::fs;

use crate::chart;

const HEADER: &str = "\
# Made from deploy/helm/kafmesh-discover; a test keeps it equal. For kubectl:
#   kubectl apply --server-side -f deploy/kubernetes/
";

/// Rewrites the file where it differs, and fails then.
#[test]
fn the_manifests_are_the_chart_with_its_defaults() {
    let path = chart::root().join("deploy/kubernetes/kafmesh-discover.yaml");
    let expected = format!("{HEADER}{}", chart::text("kafmesh", "{}"));
    let actual = fs::read_to_string(&path).unwrap_or_default();
    if actual != expected {
        fs::write(&path, expected).unwrap();
        panic!(
            "{} was not the chart with its defaults; it is written anew, look at what has changed",
            path.display()
        );
    }
}
