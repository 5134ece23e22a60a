//! A process asked by grpcurl, which knows nothing of kafmesh: reflection tells it all it needs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "these are tests")]

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Output;

use kafmesh::Config;
use kafmesh_mesh_tests::servers::required;
use kafmesh_objects::definitions::Service;
use kafmesh_objects::{Outside, open};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// The shop with all of its objects registered; it need not run to say what it is.
struct Shop {
    address: SocketAddr,
    _service: Service,
    _state: TempDir,
}

impl Shop {
    async fn open(configured: impl FnOnce(Config) -> Config) -> Self {
        let brokers = required("KAFMESH_TEST_BROKERS", "cargo xtask servers kafka");
        let state = tempfile::tempdir().unwrap();
        let address = free_port();
        let config = Config::new(brokers)
            .with_dev(true)
            .with_instance("shop-0")
            .with_listen(address)
            .with_state_dir(state.path());
        let mut service = open(configured(config), &Outside::default()).await.unwrap();
        drop(service.orders().customer_id_order_source());
        drop(service.customers().customer_id_address_source());
        drop(service.accounts().customer_id_payment_source());
        drop(service.accounts().customer_id_balance_view().unwrap());
        Self {
            address,
            _service: service,
            _state: state,
        }
    }
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

async fn grpcurl(arguments: &[&str]) -> Output {
    let program = required("KAFMESH_TEST_GRPCURL", "cargo xtask servers tools");
    let mut command = Command::new(program);
    command.args(["-max-time", "60"]).args(arguments);
    command.kill_on_drop(true).output().await.unwrap()
}

/// What grpcurl prints, without TLS.
async fn plaintext(address: SocketAddr, rest: &[&str]) -> String {
    let address = address.to_string();
    printed(&[&["-plaintext", &address], rest].concat()).await
}

async fn printed(arguments: &[&str]) -> String {
    let output = grpcurl(arguments).await;
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "grpcurl {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Compares with a file, which is rewritten when it differs.
fn check(file: &str, value: &Value) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/grpcurl");
    let (path, text) = (folder.join(file), format!("{value:#}\n"));
    if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
        std::fs::write(&path, text).unwrap();
        panic!("{file} is rewritten: see git diff, run again if it is right");
    }
}

#[tokio::test]
async fn a_process_is_asked_without_any_proto_file() {
    let shop = Shop::open(|config| config).await;
    let ask = async |method: &str| -> Value {
        let answer = plaintext(shop.address, &[method]).await;
        serde_json::from_str(&answer).unwrap()
    };
    assert_eq!(ask("kafmesh.ping.v1.PingAPI/Ping").await, json!({}));
    assert_eq!(
        ask("grpc.health.v1.Health/Check").await,
        json!({ "status": "NOT_SERVING" })
    );

    let mut answer = ask("kafmesh.discover.v1.Discover/GetServiceInfo").await;
    let instance = answer["instance"].as_object_mut().unwrap();
    // What differs from run to run and from release to release.
    let started = instance.remove("startedAt").unwrap();
    assert!(started.as_str().unwrap().ends_with('Z'), "{started}");
    let version = instance.remove("kafmeshVersion").unwrap();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    check("discover.json", &answer);
    let go = ask("kafmesh.discovery.v1.DiscoveryAPI/GetServiceInfo").await;
    check("discovery.json", &go);
}

#[tokio::test]
async fn everything_served_is_listed_and_described() {
    let shop = Shop::open(|config| config).await;
    // All but what answers once the shop runs.
    let listed = plaintext(shop.address, &["list"]).await;
    assert_eq!(
        listed.lines().collect::<Vec<_>>(),
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "kafmesh.discover.v1.Discover",
            "kafmesh.discovery.v1.DiscoveryAPI",
            "kafmesh.ping.v1.PingAPI",
        ]
    );
    for service in listed.lines() {
        let described = plaintext(shop.address, &["describe", service]).await;
        assert!(described.contains(" is a service:"), "{described}");
    }
}

/// A CA, and files of what it issues.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.crt"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate for whom or what is on this machine, and its key.
    fn issue(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = [".crt", ".key"].map(|ending| self.file(&format!("{name}{ending}")));
        std::fs::write(&files[0], certificate.pem()).unwrap();
        std::fs::write(&files[1], key.serialize_pem()).unwrap();
        let [certificate, key] = files;
        (certificate, key)
    }
}

#[tokio::test]
async fn with_mutual_tls_only_who_shows_a_certificate_is_answered() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (certificate, key) = authority.issue("shop");
    let ca = authority.file("ca.crt");
    let shop = Shop::open(|config| {
        config
            .with_tls(certificate, key)
            .with_tls_client_ca(ca.clone())
    })
    .await;
    let (address, ca) = (shop.address.to_string(), ca.to_str().unwrap());
    let ping = [address.as_str(), "kafmesh.ping.v1.PingAPI/Ping"];
    let with = |(certificate, key): (PathBuf, PathBuf)| {
        [
            "-cert",
            certificate.to_str().unwrap(),
            "-key",
            key.to_str().unwrap(),
        ]
        .map(str::to_owned)
    };
    let own = with(authority.issue("client"));
    let own: Vec<_> = own.iter().map(String::as_str).collect();
    let trusting = ["-cacert", ca];
    assert_eq!(
        printed(&[&trusting, &own[..], &ping].concat()).await,
        "{}\n"
    );

    let others = with(stranger.issue("client"));
    let others: Vec<_> = others.iter().map(String::as_str).collect();
    let strangers_ca = stranger.file("ca.crt");
    let refused: [&[&str]; 4] = [
        &["-plaintext"],
        &trusting,
        &[&trusting, &others[..]].concat(),
        &[&["-cacert", strangers_ca.to_str().unwrap()], &own[..]].concat(),
    ];
    for arguments in refused {
        let output = grpcurl(&[&["-connect-timeout", "5"], arguments, &ping].concat()).await;
        assert!(!output.status.success(), "{arguments:?}");
    }
}
