//! Pods, namespaces and roles, as a cluster would have them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::SocketAddr;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What a test does to a cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

impl Cluster {
    /// Acts through `client`, which may do everything.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// Creates a namespace.
    pub async fn namespace(&self, name: &str) {
        create::<Namespace>(
            Api::all(self.client.clone()),
            json!({ "metadata": { "name": name } }),
        )
        .await;
    }

    /// Lets the service account do `verbs` with pods in all namespaces.
    pub async fn allow(&self, namespace: &str, account: &str, verbs: &[&str]) {
        let name = format!("{namespace}-{account}");
        let roles: Api<ClusterRole> = Api::all(self.client.clone());
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": { "name": name },
            "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": verbs }],
        });
        let force = PatchParams::apply("test").force();
        roles
            .patch(&name, &force, &Patch::Apply(role))
            .await
            .unwrap();
        let bindings: Api<ClusterRoleBinding> = Api::all(self.client.clone());
        let binding = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": name },
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name,
            },
            "subjects": [{ "kind": "ServiceAccount", "namespace": namespace, "name": account }],
        });
        bindings
            .patch(&name, &force, &Patch::Apply(binding))
            .await
            .unwrap();
    }

    /// Creates a pod that runs and is ready, annotated to be scraped at `address`.
    pub async fn run(&self, namespace: &str, name: &str, address: SocketAddr) {
        self.create(namespace, name, &annotations(address)).await;
        self.status(namespace, name, running(address)).await;
    }

    /// Creates a pod that nothing is known of but its annotations.
    pub async fn create(
        &self,
        namespace: &str,
        name: &str,
        annotations: &BTreeMap<String, String>,
    ) {
        let pod = json!({
            "metadata": { "name": name, "annotations": annotations },
            "spec": { "containers": [{ "name": "app", "image": "app" }], "nodeName": "node-1" },
        });
        create(self.pods(namespace), pod).await;
    }

    /// Changes the status of a pod.
    pub async fn status(&self, namespace: &str, name: &str, status: Value) {
        let patch = Patch::Merge(json!({ "status": status }));
        self.pods(namespace)
            .patch_status(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Changes an annotation of a pod; `None` removes it.
    pub async fn annotate(
        &self,
        namespace: &str,
        name: &str,
        annotation: &str,
        value: Option<&str>,
    ) {
        let patch = Patch::Merge(json!({ "metadata": { "annotations": { annotation: value } } }));
        self.pods(namespace)
            .patch(name, &PatchParams::default(), &patch)
            .await
            .unwrap();
    }

    /// Deletes a pod at once.
    pub async fn delete(&self, namespace: &str, name: &str) {
        self.pods(namespace)
            .delete(name, &DeleteParams::default().grace_period(0))
            .await
            .unwrap();
    }

    fn pods(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

/// The annotations of a pod that is to be scraped at `address`.
pub fn annotations(address: SocketAddr) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("kafmesh/scrape".to_owned(), "true".to_owned()),
        ("kafmesh/port".to_owned(), address.port().to_string()),
    ])
}

/// The status of a pod that runs and is ready at `address`.
pub fn running(address: SocketAddr) -> Value {
    json!({
        "phase": "Running",
        "podIP": address.ip(),
        "conditions": [{ "type": "Ready", "status": "True" }],
    })
}

async fn create<K>(api: Api<K>, object: Value)
where
    K: Resource + Clone + Debug + DeserializeOwned + serde::Serialize,
{
    let object: K = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}
