//! Processes without Kubernetes, and their TLS.

use std::sync::Arc;
use std::time::Duration;

use kafmesh_discover::dial::Dialer;
use kafmesh_discover::mesh::pod::FailureKind::{self, Denied, Invalid, Timeout, Unreachable};
use kafmesh_discover::mesh::pod::{Observed, PodKey};
use kafmesh_discover::scrape::Config;
use kafmesh_mesh_tests::pods::{FakePod, service};
use kafmesh_mesh_tests::scraping::Scraping;
use kafmesh_test_tls::{Authority, Issued};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

use crate::helpers::dialer;

/// What is known of the only target after the first scrape.
async fn ask(target: String, dialer: Option<Dialer>) -> Arc<Observed> {
    let mut config = Config::new([target]);
    if let Some(dialer) = dialer {
        config.dialer = dialer;
    }
    let scraped = Scraping::start(config).ready().await;
    assert_eq!(scraped.pods.len(), 1);
    scraped.pods.values().next().unwrap().clone()
}

fn check(observed: &Arc<Observed>, kind: FailureKind, message: &str) {
    let failure = observed.failure.as_ref().unwrap();
    assert!(failure.message.contains(message), "{}", failure.message);
    assert_eq!(failure.kind, kind, "{}", failure.message);
}

#[tokio::test]
async fn a_target_is_resolved_and_asked() {
    let pod = FakePod::serving_at(&"127.0.0.1:0".parse().unwrap(), service("clicks")).await;
    let target = format!("localhost:{}", pod.address().port());
    let observed = ask(target.clone(), None).await;
    assert_eq!(observed.pod.key, PodKey::of_target(&target));
    assert_eq!(observed.failure, None);
    let answer = observed.answer.as_ref().unwrap();
    assert_eq!(answer.description.service, "clicks");
}

#[tokio::test]
async fn a_target_of_ipv6() {
    let pod = FakePod::serving_at(&"[::1]:0".parse().unwrap(), service("clicks")).await;
    let observed = ask(pod.address().to_string(), None).await;
    assert_eq!(observed.failure, None);
}

#[tokio::test]
async fn targets_that_cannot_be() {
    let unknown = ask("no-such-host.invalid:443".to_owned(), None).await;
    check(&unknown, Unreachable, "(static)/no-such-host.invalid:443");
    let wrong = ask("not an address".to_owned(), None).await;
    let failure = wrong.failure.as_ref().unwrap();
    assert_eq!(failure.kind, FailureKind::NoAddress, "{}", failure.message);
}

#[tokio::test]
async fn a_target_that_starts_later_is_asked_again_soon() {
    let address = kafmesh_mesh_tests::pods::free_address().await;
    let mut config = Config::new([address.to_string()]);
    config.interval = Duration::from_secs(3600);
    let scraping = Scraping::start(config);
    let scraped = scraping.ready().await;
    assert!(scraped.pods.values().all(|pod| pod.failure.is_some()));
    let _pod = FakePod::serving_at(&address, service("clicks")).await;
    let scraped = scraping
        .until("it answers", |scraped| {
            scraped.pods.values().all(|pod| pod.failure.is_none())
        })
        .await;
    assert_eq!(scraped.runs.len(), 1, "that was no scrape of all");
}

#[tokio::test]
async fn a_target_whose_packets_are_dropped() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // What asks for more connections than may wait to be accepted is dropped without a word.
    let mut waiting = Vec::new();
    let brief = Duration::from_millis(500);
    while let Ok(connection) = timeout(brief, TcpStream::connect(address)).await {
        waiting.push(connection.unwrap());
    }
    let observed = ask(address.to_string(), None).await;
    check(
        &observed,
        Timeout,
        "no connection in time; check that nothing (a network policy, a firewall) drops what \
         kafmesh-discover sends there",
    );
}

#[tokio::test]
async fn tls_with_a_certificate_for_the_address() {
    let authority = Authority::new();
    let tls = server(&authority, "localhost");
    let pod = FakePod::serving_tls(service("clicks"), tls).await;
    let by_address = format!("https://{}", pod.address());
    let trusting = dialer(&authority, None, None);
    let observed = ask(by_address.clone(), Some(trusting)).await;
    check(&observed, Denied, "--pod-server-name");
    let named = dialer(&authority, None, Some("localhost"));
    assert_eq!(ask(by_address.clone(), Some(named)).await.failure, None);
    let stranger = dialer(&Authority::new(), None, Some("localhost"));
    let observed = ask(by_address.clone(), Some(stranger)).await;
    check(&observed, Denied, "--pod-ca");
    let observed = ask(by_address, None).await;
    check(
        &observed,
        Denied,
        "does not know whose certificates to trust",
    );
}

#[tokio::test]
async fn mutual_tls() {
    let authority = Authority::new();
    let tls =
        server(&authority, "localhost").client_ca_root(Certificate::from_pem(authority.pem()));
    let pod = FakePod::serving_tls(service("clicks"), tls).await;
    let target = format!("https://{}", pod.address());
    let identity = authority.issue("discover");
    let known = dialer(&authority, Some(identity), Some("localhost"));
    assert_eq!(ask(target.clone(), Some(known)).await.failure, None);
    let nobody = dialer(&authority, None, Some("localhost"));
    check(
        &ask(target.clone(), Some(nobody)).await,
        Denied,
        "--pod-certificate",
    );
    let stranger = Authority::new().issue("discover");
    let stranger = dialer(&authority, Some(stranger), Some("localhost"));
    check(
        &ask(target, Some(stranger)).await,
        Denied,
        "--pod-certificate",
    );
}

#[tokio::test]
async fn a_target_that_speaks_no_tls() {
    let pod = FakePod::serving(service("clicks")).await;
    let authority = Authority::new();
    let target = format!("https://{}", pod.address());
    let observed = ask(target, Some(dialer(&authority, None, None))).await;
    check(&observed, Invalid, "it does not answer in TLS");
}

fn server(authority: &Authority, name: &str) -> ServerTlsConfig {
    let Issued { certificate, key } = authority.issue(name);
    ServerTlsConfig::new().identity(Identity::from_pem(certificate, key))
}
