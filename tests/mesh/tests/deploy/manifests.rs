//! The manifests for kubectl are the chart.

use std::fs;

use crate::chart;

const HEADER: &str = "\
# Made from deploy/helm/kafmesh-discover; a test keeps it equal. It needs a Secret with a token, and
# your image where it says `image:`; see docs/discover.md. For kubectl:
#   kubectl apply --server-side -f deploy/kubernetes/
";

/// Nobody without a token may watch the records of a mesh.
const VALUES: &str = "token: {secret: kafmesh-discover}";

/// Rewrites the file where it differs, and fails then.
#[test]
fn the_manifests_are_the_chart_with_a_token() {
    let path = chart::root().join("deploy/kubernetes/kafmesh-discover.yaml");
    let expected = format!("{HEADER}{}", chart::text("kafmesh", VALUES));
    let actual = fs::read_to_string(&path).unwrap_or_default();
    if actual != expected {
        fs::write(&path, expected).unwrap();
        panic!(
            "{} was not the chart with a token; it is written anew, look at what has changed",
            path.display()
        );
    }
}
