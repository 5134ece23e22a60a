//! An API server that is cut off, forgets, or goes away and returns.

use std::net::SocketAddr;
use std::time::Duration;

use kafmesh_discover::mesh::pod::PodKey;
use kafmesh_discover::scrape::Config;
use kafmesh_mesh_tests::api_server::ApiServer;
use kafmesh_mesh_tests::cluster::Cluster;
use kafmesh_mesh_tests::expiring::Expiring;
use kafmesh_mesh_tests::pods::{FakePod, service};
use kafmesh_mesh_tests::proxy::Proxy;
use kafmesh_mesh_tests::scraping::{self, Scraping, pods_of};
use kube::Client;

use crate::helpers::{CHART, Place, shared};

/// Runs the pods `stays` and `goes`.
async fn two_pods(cluster: &Cluster, namespace: &str) -> [FakePod; 2] {
    let mut pods = Vec::new();
    for name in ["stays", "goes"] {
        let pod = FakePod::serving(service(name)).await;
        cluster.run(namespace, name, pod.address()).await;
        pods.push(pod);
    }
    pods.try_into().ok().unwrap()
}

/// Removes `goes`, and runs `came`.
async fn replaced(place: &Place) -> FakePod {
    let namespace = &place.namespace;
    place.cluster.delete(namespace, "goes").await;
    let came = FakePod::serving(service("came")).await;
    place.cluster.run(namespace, "came", came.address()).await;
    came
}

/// Waits until `goes` is gone and `came` answers besides `stays`.
async fn until_it_caught_up(scraping: &Scraping, namespace: &str) {
    let keys = ["came", "stays"].map(|name| PodKey::new(namespace, name));
    scraping
        .until("it has caught up", |scraped| {
            scraped.pods.keys().eq(&keys)
                && ["came", "stays"]
                    .iter()
                    .all(|name| scraping::service(scraped, namespace, name) == Some(name))
        })
        .await;
}

/// A place, and a way to the API server that can be disturbed.
async fn through_a_proxy() -> (Place, Proxy, Config) {
    let server = shared().await;
    let place = Place::of(server, CHART).await;
    let real = SocketAddr::from(([127, 0, 0, 1], server.port()));
    let proxy = Proxy::start(real).await;
    let mut config = server.service_account(&place.namespace, "discover").await;
    config.cluster_url = format!("https://{}", proxy.address()).parse().unwrap();
    let client = Client::try_from(config).unwrap();
    let config = pods_of(client, &[&place.namespace]);
    (place, proxy, config)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_cut() {
    let (place, proxy, config) = through_a_proxy().await;
    let namespace = &place.namespace;
    let _pods = two_pods(&place.cluster, namespace).await;
    let scraping = Scraping::start(config);
    let before = scraping.ready().await;
    assert_eq!(before.pods.len(), 2);
    scraping.kubernetes_works().await;

    proxy.cut();
    let why = scraping.kubernetes_fails().await;
    assert!(
        why.contains("check that the API server can be reached"),
        "{why}"
    );
    assert_eq!(scraping.now().pods, before.pods, "what is known stays");
    let _came = replaced(&place).await;
    proxy.restore();
    scraping.kubernetes_works().await;
    until_it_caught_up(&scraping, namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_without_a_word() {
    let (place, proxy, mut config) = through_a_proxy().await;
    let namespace = &place.namespace;
    let _pods = two_pods(&place.cluster, namespace).await;
    let kubernetes = config.kubernetes.as_mut().unwrap();
    kubernetes.silence = Duration::from_secs(2);
    kubernetes.timeout = Duration::from_secs(3);
    let scraping = Scraping::start(config);
    scraping.ready().await;
    scraping.kubernetes_works().await;

    proxy.fall_silent();
    let why = scraping.kubernetes_fails().await;
    assert!(why.contains("no answer within 3s"), "{why}");
    let _came = replaced(&place).await;
    proxy.restore();
    scraping.kubernetes_works().await;
    until_it_caught_up(&scraping, namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_expires_at_its_start_and_while_it_goes_on() {
    let place = Place::new().await;
    let namespace = &place.namespace;
    let _pods = two_pods(&place.cluster, namespace).await;
    let expiring = Expiring::start(place.client.clone(), 1, 1).await;
    let scraping = Scraping::start(pods_of(expiring.client(), &[namespace]));
    scraping.ready().await;
    let _came = replaced(&place).await;
    until_it_caught_up(&scraping, namespace).await;
    // At the start, and after each of the two.
    expiring.listed(3).await;
    scraping.kubernetes_works().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_goes_away_and_returns() {
    let mut server = ApiServer::start().await;
    let place = Place::of(&server, CHART).await;
    let namespace = &place.namespace;
    let pods = two_pods(&place.cluster, namespace).await;
    let mut config = pods_of(place.client.clone(), &[]);
    config.interval = Duration::from_millis(300);
    let scraping = Scraping::start(config);
    scraping.ready().await;
    scraping.kubernetes_works().await;

    server.stop();
    let why = scraping.kubernetes_fails().await;
    assert!(why.contains("pods in all namespaces"), "{why}");
    pods[0].say(service("asked all the same"));
    let scraped = scraping
        .until("what is known is still asked", |scraped| {
            scraping::service(scraped, namespace, "stays") == Some("asked all the same")
        })
        .await;
    assert_eq!(scraped.pods.len(), 2);
    pods[0].say(service("stays"));

    server.restart().await;
    let _came = replaced(&place).await;
    scraping.kubernetes_works().await;
    until_it_caught_up(&scraping, namespace).await;
}
