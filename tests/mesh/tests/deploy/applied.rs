//! The chart on a real API server: each object is taken, and the rights are the least.

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kafmesh_mesh_tests::api_server::ApiServer;
use kafmesh_mesh_tests::cluster::Cluster;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams, ValidationDirective};
use kube::core::GroupVersionKind;
use kube::discovery::{Scope, pinned_kind};
use kube::{Api, Client};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::{chart, service_monitors};

/// The API server of all tests.
pub(crate) async fn server() -> &'static ApiServer {
    static SHARED: OnceCell<ApiServer> = OnceCell::const_new();
    SHARED.get_or_init(ApiServer::start).await
}

/// Applies `objects`; each is taken.
pub(crate) async fn apply(client: &Client, objects: &[Value]) {
    for object in objects {
        if let Err(error) = try_apply(client, object).await {
            panic!("{} {}: {error}", object["kind"], object["metadata"]["name"]);
        }
    }
}

/// Applies `object` by server-side apply, which refuses fields it does not know.
pub(crate) async fn try_apply(client: &Client, object: &Value) -> kube::Result<()> {
    let object: DynamicObject = serde_json::from_value(object.clone()).unwrap();
    let kind = GroupVersionKind::try_from(object.types.as_ref().unwrap()).unwrap();
    let (resource, capabilities) = pinned_kind(client, &kind).await?;
    let api: Api<DynamicObject> = match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => {
            let namespace = object.metadata.namespace.as_deref();
            Api::namespaced_with(client.clone(), namespace.unwrap(), &resource)
        }
    };
    let mut how = PatchParams::apply("deploy-test").force();
    how.field_validation = Some(ValidationDirective::Strict);
    let name = object.metadata.name.as_deref().unwrap();
    api.patch(name, &how, &Patch::Apply(&object)).await?;
    Ok(())
}

/// Every value of the chart that makes an object or a field.
pub(crate) const EVERYTHING: &str = r#"
replicas: 3
namespaces: [everything, other]
settings: { scrape-interval: 30s, cors-origin: ["https://mesh.example.com"] }
token: { secret: access }
tls: { secret: port-tls, clientCa: { secret: authorities } }
pods: { ca: { secret: pod-ca }, certificate: { secret: pod-tls }, serverName: mesh, watchToken: { secret: watch } }
neo4j: { url: "bolt+s://graph.example.com", database: mesh, password: { secret: graph }, ca: { secret: graph-ca } }
kafka:
  brokers: kafka-0:9092,kafka-1:9092
  properties: { security.protocol: SASL_SSL, linger.ms: 5 }
  secretProperties: { sasl.password: { secret: kafka, key: password } }
image: { digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000", pullSecrets: [{ name: pull }] }
serviceAccount: { name: discover, annotations: { example.com/role: mesh } }
service: { type: NodePort, port: 8080, annotations: { example.com/a: b } }
ingress:
  enabled: true
  className: nginx
  annotations: { example.com/a: b }
  hosts: [{ host: mesh.example.com }]
  tls: [{ secretName: mesh-tls, hosts: [mesh.example.com] }]
networkPolicy:
  from: [{ namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: ingress } } }]
  egress: [{ ports: [{ port: 443 }] }]
serviceMonitor:
  enabled: true
  labels: { release: prometheus }
  tlsConfig:
    ca: { secret: { name: authorities, key: ca.crt } }
    serverName: mesh
    cert: { secret: { name: prometheus-tls, key: tls.crt } }
    keySecret: { name: prometheus-tls, key: tls.key }
shutdown: { delaySeconds: 3, timeoutSeconds: 60 }
podDisruptionBudget: { enabled: true }
env: [{ name: RUST_BACKTRACE, value: "1" }]
podAnnotations: { example.com/a: b }
podLabels: { example.com/a: b }
nodeSelector: { kubernetes.io/os: linux }
tolerations: [{ key: a, operator: Exists }]
topologySpreadConstraints:
  - { maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_object_is_taken_with_every_value() {
    let client = server().await.admin().await;
    let cluster = Cluster::new(client.clone());
    for namespace in ["everything", "other", "defaults"] {
        cluster.namespace(namespace).await;
    }
    service_monitors::define(&client).await;

    apply(&client, &chart::objects("defaults", "open: true")).await;
    let objects = chart::objects("everything", EVERYTHING);
    for (kind, count) in [
        ("Role", 2),
        ("RoleBinding", 2),
        ("ClusterRole", 0),
        ("ServiceAccount", 1),
        ("ConfigMap", 1),
        ("Deployment", 1),
        ("Service", 1),
        ("Ingress", 1),
        ("NetworkPolicy", 1),
        ("ServiceMonitor", 1),
        ("PodDisruptionBudget", 1),
        ("Secret", 0),
    ] {
        let made = objects.iter().filter(|object| object["kind"] == kind);
        assert_eq!(made.count(), count, "{kind}");
    }
    apply(&client, &objects).await;
    // The example of the documentation, and a service.
    let example = |name: &str| {
        let path = chart::root().join("deploy/examples").join(name);
        std::fs::read_to_string(path).unwrap()
    };
    for namespace in ["example", "shop", "warehouse"] {
        cluster.namespace(namespace).await;
    }
    apply(&client, &chart::objects("example", &example("values.yaml"))).await;
    let mut service: Value = serde_saphyr::from_str(&example("clicks.yaml")).unwrap();
    service["metadata"]["namespace"] = "shop".into();
    apply(&client, &[service]).await;
    // Applied again, it is the same.
    apply(&client, &objects).await;
}

/// Whether who `client` is may do it.
async fn may(client: &Client, namespace: Option<&str>, verb: &str, resource: &str) -> bool {
    let (group, resource) = resource.split_once('/').unwrap_or(("", resource));
    let (resource, subresource) = match resource.split_once(':') {
        Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
        None => (resource, None),
    };
    let review = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(group.to_owned()),
                namespace: namespace.map(str::to_owned),
                resource: Some(resource.to_owned()),
                subresource,
                verb: Some(verb.to_owned()),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    };
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await;
    answer.unwrap().status.unwrap().allowed
}

/// Resources (group/name:subresource) whose misuse would matter.
const OTHERS: &[&str] = &[
    "secrets",
    "configmaps",
    "serviceaccounts",
    "serviceaccounts:token",
    "services",
    "endpoints",
    "nodes",
    "nodes:proxy",
    "namespaces",
    "events",
    "persistentvolumes",
    "pods:exec",
    "pods:log",
    "pods:attach",
    "pods:portforward",
    "pods:proxy",
    "pods:ephemeralcontainers",
    "pods:status",
    "pods:eviction",
    "apps/deployments",
    "apps/statefulsets",
    "apps/daemonsets",
    "batch/jobs",
    "rbac.authorization.k8s.io/roles",
    "rbac.authorization.k8s.io/rolebindings",
    "rbac.authorization.k8s.io/clusterroles",
    "rbac.authorization.k8s.io/clusterrolebindings",
    "certificates.k8s.io/certificatesigningrequests",
    "admissionregistration.k8s.io/validatingwebhookconfigurations",
    "apiextensions.k8s.io/customresourcedefinitions",
];

const VERBS: &[&str] = &[
    "get", "list", "watch", "create", "update", "patch", "delete",
];

async fn has_the_least_rights(client: &Client, inside: Option<&str>) {
    for verb in ["get", "list", "watch"] {
        assert!(
            may(client, inside, verb, "pods").await,
            "{verb} pods in {inside:?}"
        );
    }
    for verb in [
        "create",
        "update",
        "patch",
        "delete",
        "deletecollection",
        "*",
    ] {
        assert!(
            !may(client, inside, verb, "pods").await,
            "{verb} pods in {inside:?}"
        );
    }
    for resource in OTHERS {
        for verb in VERBS {
            let allowed = may(client, inside, verb, resource).await;
            assert!(!allowed, "{verb} {resource} in {inside:?}");
        }
    }
    assert!(!may(client, inside, "impersonate", "users").await);
    assert!(
        !may(
            client,
            inside,
            "escalate",
            "rbac.authorization.k8s.io/clusterroles"
        )
        .await
    );
    assert!(!may(client, inside, "*", "*/*").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_account_may_read_pods_everywhere_and_nothing_else() {
    let server = server().await;
    let client = server.admin().await;
    Cluster::new(client.clone()).namespace("whole").await;
    apply(&client, &chart::objects("whole", "open: true")).await;
    let account = server.service_account("whole", "kafmesh-discover").await;
    let account = Client::try_from(account).unwrap();
    has_the_least_rights(&account, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_namespaces_it_may_read_pods_there_only() {
    let server = server().await;
    let client = server.admin().await;
    let cluster = Cluster::new(client.clone());
    for namespace in ["here", "seen", "unseen"] {
        cluster.namespace(namespace).await;
    }
    apply(
        &client,
        &chart::objects("here", "open: true\nnamespaces: [seen]"),
    )
    .await;
    let account = server.service_account("here", "kafmesh-discover").await;
    let account = Client::try_from(account).unwrap();
    has_the_least_rights(&account, Some("seen")).await;
    for elsewhere in [None, Some("here"), Some("unseen")] {
        for verb in VERBS {
            let allowed = may(&account, elsewhere, verb, "pods").await;
            assert!(!allowed, "{verb} pods in {elsewhere:?}");
        }
    }
}
