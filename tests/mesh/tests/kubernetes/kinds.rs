//! Pods that answer in another way than they should, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kafmesh_discover::mesh::pod::FailureKind::{
    self, Invalid, NoAddress, Timeout, TooLarge, Unreachable, Unsupported,
};
use kafmesh_mesh_tests::cluster::{annotations, running};
use kafmesh_mesh_tests::pods::{FakePod, free_address, service};
use kafmesh_mesh_tests::scraping::{self, Scraping, pods_of};
use kafmesh_proto::discovery::v1 as discovery_v1;
use kafmesh_test_tls::{Authority, Issued};
use tonic::transport::{Identity, ServerTlsConfig};

use crate::helpers::{Place, dialer};

async fn check(pod: FakePod, kind: FailureKind, message: &str) {
    check_any(pod, &[kind], message).await;
}

/// One pod that answers as it should, one that is given; what is said of the latter.
async fn check_any(pod: FakePod, kinds: &[FailureKind], message: &str) {
    let place = Place::new().await;
    let good = FakePod::serving(service("clicks")).await;
    let namespace = &place.namespace;
    place.cluster.run(namespace, "good", good.address()).await;
    place.cluster.run(namespace, "bad", pod.address()).await;
    let mut config = pods_of(place.client.clone(), &[namespace]);
    config.timeout = Duration::from_secs(2);
    let scraping = Scraping::start(config);
    let scraped = scraping
        .until("it fails", |scraped| {
            scraping::failure(scraped, namespace, "bad").is_some()
        })
        .await;
    let (found, said) = scraping::failure(&scraped, namespace, "bad").unwrap();
    let head = format!("{namespace}/bad at {}: ", pod.address());
    assert!(said.starts_with(&head), "{said}");
    assert!(said.contains(message), "{said}");
    assert!(kinds.contains(&found), "{found:?}: {said}");
    scraping
        .until("the other answers", |scraped| {
            scraping::service(scraped, namespace, "good") == Some("clicks")
        })
        .await;
}

/// The same for a pod whose port is no gRPC: HTTP/2 fails either before or while it is asked, and
/// only in the latter case is known why.
async fn check_no_grpc(pod: FakePod) {
    check_any(
        pod,
        &[Invalid, Unreachable],
        "check that the port is that of gRPC",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_refuses() {
    let place = Place::new().await;
    let namespace = &place.namespace;
    let nobody = free_address().await;
    place.cluster.run(namespace, "bad", nobody).await;
    let scraping = Scraping::start(pods_of(place.client.clone(), &[namespace]));
    let scraped = scraping
        .until("it fails", |scraped| {
            scraping::failure(scraped, namespace, "bad").is_some()
        })
        .await;
    let expected = format!(
        "{namespace}/bad at {nobody}: nobody listens there; check the port (annotation \
         kafmesh/port, 443 without it), and that the process runs"
    );
    assert_eq!(
        scraping::failure(&scraped, namespace, "bad"),
        Some((Unreachable, expected.as_str()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_hangs() {
    check(
        FakePod::hanging().await,
        Timeout,
        "no whole answer within 2s",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_hangs_after_headers() {
    let pod = FakePod::hanging_after_headers().await;
    check(pod, Timeout, "no whole answer within 2s").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_answers_garbage() {
    let pod = FakePod::talking_garbage().await;
    check_no_grpc(pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_answers_something_else_in_http_2() {
    let pod = FakePod::answering(|| "hello".into()).await;
    check(pod, Invalid, "it answers with an error").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_answers_in_http_1() {
    let pod = FakePod::talking_http_1().await;
    check_no_grpc(pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_closes_at_once() {
    let pod = FakePod::talking(|connection| async move { drop(connection) }).await;
    check_no_grpc(pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_answers_100_mb() {
    let sent = Arc::new(AtomicUsize::new(0));
    let pod = FakePod::answering_100_mb(sent.clone()).await;
    check(pod, TooLarge, "its answer is longer than 4194304 bytes").await;
    let sent = sent.load(Ordering::SeqCst);
    assert!(sent < 10, "{sent} MB of it were taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_without_a_service_name() {
    let pod = FakePod::serving(service("")).await;
    check(pod, Invalid, "its answer has a service without a name").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grpc_server_that_is_none_of_kafmesh() {
    let pod = FakePod::serving_nothing().await;
    check(
        pod,
        Unsupported,
        "it serves neither kafmesh.discover.v1.Discover",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_of_kafmesh_for_go() {
    let place = Place::new().await;
    let pod = FakePod::serving_go(discovery_v1::Service {
        name: "devices".to_owned(),
        ..discovery_v1::Service::default()
    })
    .await;
    let namespace = &place.namespace;
    place.cluster.run(namespace, "go", pod.address()).await;
    let scraping = Scraping::start(pods_of(place.client.clone(), &[namespace]));
    scraping
        .until("it answers", |scraped| {
            scraping::service(scraped, namespace, "go") == Some("devices")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_does_not_say_where_to_ask() {
    let place = Place::new().await;
    let namespace = &place.namespace;
    let pod = FakePod::serving(service("clicks")).await;
    place.cluster.run(namespace, "port", pod.address()).await;
    place
        .cluster
        .annotate(namespace, "port", "kafmesh/port", Some("grpc"))
        .await;
    place
        .cluster
        .create(namespace, "new", &annotations(pod.address()))
        .await;
    place.cluster.run(namespace, "other", pod.address()).await;
    place
        .cluster
        .annotate(namespace, "other", "kafmesh/scrape", None)
        .await;
    let scraping = Scraping::start(pods_of(place.client.clone(), &[namespace]));
    let scraped = scraping.ready().await;
    assert_eq!(scraped.pods.len(), 2, "the other is not annotated");
    let (kind, why) = scraping::failure(&scraped, namespace, "port").unwrap();
    assert_eq!(kind, NoAddress);
    assert!(
        why.contains("its annotation kafmesh/port is \"grpc\""),
        "{why}"
    );
    let (kind, why) = scraping::failure(&scraped, namespace, "new").unwrap();
    assert_eq!(kind, NoAddress);
    assert!(why.contains("it is Pending"), "{why}");

    place
        .cluster
        .status(namespace, "new", running(pod.address()))
        .await;
    scraping
        .until("it answers once it runs", |scraped| {
            scraping::service(scraped, namespace, "new") == Some("clicks")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_speaks_tls() {
    let authority = Authority::new();
    let Issued { certificate, key } = authority.issue("mesh.example");
    let pod = FakePod::serving_tls(
        service("clicks"),
        ServerTlsConfig::new().identity(Identity::from_pem(certificate, key)),
    )
    .await;
    let place = Place::new().await;
    let namespace = &place.namespace;
    for (name, tls) in [("secret", "true"), ("plain", "false")] {
        let mut annotations = annotations(pod.address());
        annotations.insert("kafmesh/tls".to_owned(), tls.to_owned());
        place.cluster.create(namespace, name, &annotations).await;
        place
            .cluster
            .status(namespace, name, running(pod.address()))
            .await;
    }
    let mut config = pods_of(place.client.clone(), &[namespace]);
    config.dialer = dialer(&authority, None, Some("mesh.example"));
    let scraping = Scraping::start(config);
    let scraped = scraping.ready().await;
    assert_eq!(
        scraping::service(&scraped, namespace, "secret"),
        Some("clicks")
    );
    let (kind, why) = scraping::failure(&scraped, namespace, "plain").unwrap();
    assert!([Invalid, Unreachable].contains(&kind), "{why}");
    assert!(why.contains("whether it speaks TLS"), "{why}");
}
