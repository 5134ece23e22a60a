//! What the tests here have in common: one API server, a namespace for each test.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kafmesh_discover::dial::{Dialer, Tls};
use kafmesh_mesh_tests::api_server::ApiServer;
use kafmesh_mesh_tests::cluster::Cluster;
use kafmesh_test_tls::{Authority, Issued};
use kube::Client;
use tokio::sync::OnceCell;

/// What kafmesh-discover's chart allows.
pub(crate) const CHART: &[&str] = &["get", "list", "watch"];

/// The API server of all tests that do not stop it.
pub(crate) async fn shared() -> &'static ApiServer {
    static SHARED: OnceCell<ApiServer> = OnceCell::const_new();
    SHARED.get_or_init(ApiServer::start).await
}

/// A namespace of the test's own, the cluster it is in, and a client that may only `verbs` pods.
pub(crate) struct Place {
    pub(crate) cluster: Cluster,
    pub(crate) namespace: String,
    pub(crate) client: Client,
}

impl Place {
    /// In the server of all tests, with the chart's rights.
    pub(crate) async fn new() -> Self {
        Self::of(shared().await, CHART).await
    }

    /// In `server`.
    pub(crate) async fn of(server: &ApiServer, verbs: &[&str]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::SeqCst);
        let namespace = format!("test-{count}");
        let cluster = Cluster::new(server.admin().await);
        cluster.namespace(&namespace).await;
        let config = server.service_account(&namespace, "discover").await;
        if !verbs.is_empty() {
            cluster.allow(&namespace, "discover", verbs).await;
        }
        Self {
            cluster,
            namespace,
            client: Client::try_from(config).unwrap(),
        }
    }
}

/// Dials those whose certificate is for `name` and signed by `authority`, as `identity`.
pub(crate) fn dialer(
    authority: &Authority,
    identity: Option<Issued>,
    name: Option<&str>,
) -> Dialer {
    let tls = Tls {
        ca: authority.pem().into_bytes(),
        identity: identity.map(|it| (it.certificate.into_bytes(), it.key.into_bytes())),
        server_name: name.map(str::to_owned),
    };
    Dialer::new(Duration::from_secs(5)).with_tls(tls).unwrap()
}
