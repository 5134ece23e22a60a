//! The port as its clients see it: who gets an answer, and what is said of files that are of no use.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use kafmesh_proto::ping::v1::PingRequest;
use kafmesh_proto::ping::v1::ping_api_client::PingApiClient;
use kafmesh_test_tls::{Authority, Issued};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use super::*;
use crate::observe::Observer;
use crate::service::describe;
use crate::service::server::Server;

/// The files of a port.
struct Folder(TempDir);

impl Folder {
    fn new(authority: &Authority) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        authority.issue("localhost").write(folder.0.path());
        folder
    }

    fn write(&self, file: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(file);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn config(&self) -> Config {
        let file = |name| self.0.path().join(name);
        Config::new("nowhere:1").with_tls(file("tls.crt"), file("tls.key"))
    }
}

async fn open(config: &Config) -> Server {
    let tls = configured(config).unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    let description = describe::tests::nothing();
    Server::start(address, tls, Observer::new("shop"), description)
        .await
        .unwrap()
}

/// Whether a client that trusts `authority` gets an answer.
async fn ping(
    address: SocketAddr,
    authority: &Authority,
    identity: Option<Issued>,
) -> Result<(), String> {
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(authority.pem()))
        .domain_name("localhost");
    if let Some(Issued { certificate, key }) = identity {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    let endpoint = Channel::from_shared(format!("https://{address}")).unwrap();
    let endpoint = endpoint.tls_config(tls).unwrap();
    let channel = endpoint.connect().await.map_err(|it| format!("{it:?}"))?;
    let answer = PingApiClient::new(channel).ping(PingRequest {}).await;
    answer.map(drop).map_err(|it| format!("{it:?}"))
}

/// What a program such as curl gets.
async fn get(address: SocketAddr, authority: &Authority, path: &str) -> String {
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = authority.connect(stream, None).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn grpc_and_http_are_answered_over_tls_only() {
    let authority = Authority::new();
    let folder = Folder::new(&authority);
    let server = open(&folder.config()).await;
    let address = server.address();
    ping(address, &authority, None).await.unwrap();
    let alive = get(address, &authority, "/health/live").await;
    assert!(alive.starts_with("HTTP/1.1 200 "), "{alive}");
    let metrics = get(address, &authority, "/metrics").await;
    assert!(metrics.contains("kafmesh_ready"), "{metrics}");

    let stranger = Authority::new();
    let error = ping(address, &stranger, None).await.unwrap_err();
    assert!(error.contains("InvalidCertificate"), "{error}");
    let plain = PingApiClient::connect(format!("http://{address}")).await;
    let answer = match plain {
        Ok(mut client) => client.ping(PingRequest {}).await.map_err(|_| ()),
        Err(_) => Err(()),
    };
    assert!(answer.is_err());
    server.close().await;
}

#[tokio::test]
async fn who_cannot_show_a_certificate_of_the_clients_ca_is_refused() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let folder = Folder::new(&authority);
    let ca = clients.write(folder.0.path());
    let server = open(&folder.config().with_tls_client_ca(ca)).await;
    let address = server.address();
    ping(address, &authority, Some(clients.issue("localhost")))
        .await
        .unwrap();
    let nothing = ping(address, &authority, None).await.unwrap_err();
    assert!(nothing.contains("CertificateRequired"), "{nothing}");
    // Of the CA of the port itself, which is another one.
    let other = ping(address, &authority, Some(authority.issue("localhost"))).await;
    let other = other.unwrap_err();
    assert!(
        other.contains("UnknownCA") || other.contains("DecryptError"),
        "{other}"
    );
    server.close().await;
}

/// What is said of a configuration, without the folder of its files.
fn problem(config: &Config, folder: &Path) -> String {
    let Err(error) = configured(config) else {
        panic!("{config:?} is usable")
    };
    error
        .to_string()
        .replace(&format!("{}/", folder.display()), "")
}

#[test]
fn files_that_are_of_no_use_are_named_with_their_variable() {
    let authority = Authority::new();
    let folder = Folder::new(&authority);
    let path = folder.0.path();
    let told = |config: Config| problem(&config, path);
    let config = || folder.config();
    let certificate = path.join("tls.crt");
    let text = folder.write("text", "no PEM\n");

    let mut alone = config();
    alone.tls_key = None;
    assert_eq!(
        told(alone),
        "KAFMESH_TLS_CERTIFICATE: it needs KAFMESH_TLS_KEY, which is not set"
    );
    let mut alone = config();
    alone.tls_certificate = None;
    assert_eq!(
        told(alone),
        "KAFMESH_TLS_KEY: it needs KAFMESH_TLS_CERTIFICATE, which is not set"
    );
    assert_eq!(
        told(Config::new("nowhere:1").with_tls_client_ca(&certificate)),
        "KAFMESH_TLS_CLIENT_CA: it needs KAFMESH_TLS_CERTIFICATE, which is not set"
    );
    assert_eq!(
        told(config().with_tls(&text, path.join("tls.key"))),
        "KAFMESH_TLS_CERTIFICATE: text holds no certificate in PEM"
    );
    assert_eq!(
        told(config().with_tls(&certificate, &certificate)),
        "KAFMESH_TLS_KEY: tls.crt holds no private key in PEM"
    );
    assert_eq!(
        told(config().with_tls_client_ca(&text)),
        "KAFMESH_TLS_CLIENT_CA: text holds no certificate in PEM"
    );
    assert!(matches!(configured(&Config::new("nowhere:1")), Ok(None)));
}
