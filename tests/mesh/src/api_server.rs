//! A real Kubernetes API server of the test's own, with RBAC, and the etcd behind it.
//!
//! There is no kubelet and no scheduler: pods are what a test says they are.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::{Api, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use tempfile::TempDir;

use crate::servers;

const ADMIN: &str = "the-token-of-the-admin";

/// An API server with an etcd; both end with it.
pub struct ApiServer {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    etcd_port: u16,
    server: Option<Running>,
    _etcd: Running,
}

impl ApiServer {
    /// Starts both and waits until the server answers.
    pub async fn start() -> Self {
        crate::choose_cryptography();
        let programs = PathBuf::from(servers::required(
            "KUBEBUILDER_ASSETS",
            "cargo xtask servers kubernetes",
        ));
        let folder = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("accounts.key", &key.serialize_pem());
        write("accounts.pub", &key.public_key_pem());
        write(
            "tokens.csv",
            &format!("{ADMIN},admin,admin,\"system:masters\"\n"),
        );
        let [port, etcd_port, peer_port] = free_ports();
        let etcd = Running::start(
            folder.path(),
            &programs.join("etcd"),
            &[
                format!("--data-dir={}", folder.path().join("etcd-data").display()),
                format!("--listen-client-urls=http://127.0.0.1:{etcd_port}"),
                format!("--advertise-client-urls=http://127.0.0.1:{etcd_port}"),
                format!("--listen-peer-urls=http://127.0.0.1:{peer_port}"),
                "--unsafe-no-fsync".to_owned(),
            ],
        );
        let mut server = Self {
            folder,
            programs,
            port,
            etcd_port,
            server: None,
            _etcd: etcd,
        };
        server.restart().await;
        server
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops it, if it runs; etcd, and what was created, stays.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Starts it again at the same port.
    pub async fn restart(&mut self) {
        self.stop();
        let file = |name: &str| self.folder.path().join(name).display().to_string();
        self.server = Some(Running::start(
            self.folder.path(),
            &self.programs.join("kube-apiserver"),
            &[
                format!("--etcd-servers=http://127.0.0.1:{}", self.etcd_port),
                format!("--secure-port={}", self.port),
                "--bind-address=127.0.0.1".to_owned(),
                format!("--cert-dir={}", file("certificates")),
                format!("--service-account-key-file={}", file("accounts.pub")),
                format!(
                    "--service-account-signing-key-file={}",
                    file("accounts.key")
                ),
                "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                format!("--token-auth-file={}", file("tokens.csv")),
                "--authorization-mode=RBAC".to_owned(),
                "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
                "--disable-admission-plugins=ServiceAccount".to_owned(),
            ],
        ));
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.is_ready().await {
            assert!(
                Instant::now() < deadline,
                "the API server did not become ready:\n{}",
                self.log("kube-apiserver")
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn is_ready(&self) -> bool {
        if !Path::new(&self.certificate()).exists() {
            return false;
        }
        let config = self.config(ADMIN).await;
        let Ok(client) = Client::try_from(config) else {
            return false;
        };
        let request = axum::http::Request::get("/readyz")
            .body(Vec::new())
            .unwrap();
        // RBAC's own roles are made when it is up, and it is not ready before.
        client.request_text(request).await.is_ok()
    }

    fn log(&self, program: &str) -> String {
        let log = self.folder.path().join(format!("{program}.log"));
        std::fs::read_to_string(log).unwrap_or_default()
    }

    fn certificate(&self) -> String {
        let certificate = self.folder.path().join("certificates/apiserver.crt");
        certificate.display().to_string()
    }

    /// A client that may do everything.
    pub async fn admin(&self) -> Client {
        Client::try_from(self.config(ADMIN).await).unwrap()
    }

    /// What a program needs to know to be the service account, which is created when it is not there.
    /// It may do nothing until a role is bound to it.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Config {
        let token = self.service_account_token(namespace, name).await;
        self.config(&token).await
    }

    /// A token of the service account, as its pods would have it.
    pub async fn service_account_token(&self, namespace: &str, name: &str) -> String {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.admin().await, namespace);
        let mut account = ServiceAccount::default();
        account.metadata.name = Some(name.to_owned());
        if accounts.get_opt(name).await.unwrap().is_none() {
            let post = PostParams::default();
            accounts.create(&post, &account).await.unwrap();
        }
        let request = TokenRequest {
            spec: Some(TokenRequestSpec::default()),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(name, &PostParams::default(), &request)
            .await
            .unwrap();
        answer.status.unwrap().token.unwrap()
    }

    /// What a program needs to know to reach it with `token`.
    pub async fn config(&self, token: &str) -> Config {
        Config::from_custom_kubeconfig(self.kubeconfig(token), &KubeConfigOptions::default())
            .await
            .unwrap()
    }

    /// The same as a file for kubectl, helm and the like would have it.
    pub fn kubeconfig(&self, token: &str) -> Kubeconfig {
        serde_json::from_value(json!({
            "clusters": [{ "name": "test", "cluster": {
                "server": format!("https://127.0.0.1:{}", self.port),
                "certificate-authority": self.certificate(),
            } }],
            "users": [{ "name": "test", "user": { "token": token } }],
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
            "current-context": "test",
        }))
        .unwrap()
    }

    /// The same with the admin's token.
    pub fn admin_kubeconfig(&self) -> Kubeconfig {
        self.kubeconfig(ADMIN)
    }
}

/// Ports that are free now.
fn free_ports<const N: usize>() -> [u16; N] {
    // All are held until all are known, so that they differ.
    let held: Vec<TcpListener> = (0..N)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    std::array::from_fn(|i| held[i].local_addr().unwrap().port())
}

/// A program that ends when this is dropped, and when the test's process ends however it ends.
struct Running(Child);

impl Running {
    fn start(folder: &Path, program: &Path, arguments: &[String]) -> Self {
        let name = program.file_name().unwrap().to_str().unwrap();
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join(format!("{name}.log")))
            .unwrap();
        // The shell waits for the end of its input, which is a pipe from this process.
        let script = r#""$@" </dev/null & cat >/dev/null; kill $!; wait $!"#;
        let child = Command::new("sh")
            .args(["-c", script, "sh"])
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
