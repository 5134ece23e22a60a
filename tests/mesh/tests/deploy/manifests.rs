//! The manifests for kubectl are the chart.

use std::fs;

use serde_json::{Value, json};

use crate::applied::{apply, server, try_apply};
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

/// The objects of a file in `deploy/kubernetes`.
fn objects(file: &str) -> Vec<Value> {
    let path = chart::root().join("deploy/kubernetes").join(file);
    serde_saphyr::from_multiple(&fs::read_to_string(path).unwrap()).unwrap()
}

/// What the Deployment among `objects` starts, by itself.
fn pod(objects: &[Value]) -> Value {
    let deployment = chart::one(objects, "Deployment");
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "discover", "namespace": deployment["metadata"]["namespace"] },
        "spec": deployment["spec"]["template"]["spec"],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_taken_and_their_pod_is_allowed_where_pods_are_restricted() {
    let client = server().await.admin().await;
    apply(&client, &objects("00-namespace.yaml")).await;
    let manifests = objects("kafmesh-discover.yaml");
    apply(&client, &manifests).await;
    let pod = pod(&manifests);
    for (field, value, violated) in [
        ("runAsNonRoot", json!(false), "runAsNonRoot != true"),
        (
            "seccompProfile",
            json!({ "type": "Unconfined" }),
            "seccompProfile",
        ),
    ] {
        let mut careless = pod.clone();
        careless["spec"]["securityContext"][field] = value;
        let refused = try_apply(&client, &careless).await.unwrap_err();
        assert!(refused.to_string().contains(violated), "{refused}");
    }
    apply(&client, &[pod]).await;
}
