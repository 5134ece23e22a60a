//! Rights that are missing.

use kafmesh_mesh_tests::pods::{FakePod, service};
use kafmesh_mesh_tests::scraping::{self, Scraping, pods_of};

use crate::helpers::{CHART, Place, shared};

/// One pod in a place with the verbs of the chart but `missing`, and the failure that follows.
async fn without(missing: &str) -> (Place, FakePod, Scraping) {
    let verbs: Vec<&str> = CHART
        .iter()
        .copied()
        .filter(|verb| *verb != missing)
        .collect();
    let place = Place::of(shared().await, &verbs).await;
    let namespace = &place.namespace;
    let pod = FakePod::serving(service("clicks")).await;
    place
        .cluster
        .run(namespace, "clicks-0", pod.address())
        .await;
    let scraping = Scraping::start(pods_of(place.client.clone(), &[namespace]));
    assert_eq!(
        scraping.kubernetes_fails().await,
        format!(
            "cannot {missing} pods in the namespace {namespace}: \
             system:serviceaccount:{namespace}:discover lacks the verb `{missing}` on pods; give \
             it a Role in the namespace {namespace} with the verbs get, list and watch on pods, as \
             kafmesh-discover's chart does"
        )
    );
    (place, pod, scraping)
}

async fn with_all(place: &Place, scraping: &Scraping) {
    let namespace = &place.namespace;
    place.cluster.allow(namespace, "discover", CHART).await;
    scraping.kubernetes_works().await;
    until_it_answers(scraping, namespace, "clicks-0").await;
}

async fn until_it_answers(scraping: &Scraping, namespace: &str, name: &str) {
    scraping
        .until(&format!("{name} answers"), |scraped| {
            scraping::service(scraped, namespace, name) == Some("clicks")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_list() {
    let (place, _pod, scraping) = without("list").await;
    with_all(&place, &scraping).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_watch() {
    let (place, pod, scraping) = without("watch").await;
    let namespace = &place.namespace;
    until_it_answers(&scraping, namespace, "clicks-0").await;
    place
        .cluster
        .run(namespace, "clicks-1", pod.address())
        .await;
    until_it_answers(&scraping, namespace, "clicks-1").await;
    let why = scraping.kubernetes_fails().await;
    assert!(why.contains("lacks the verb `watch`"), "{why}");
    with_all(&place, &scraping).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_all_namespaces_without_a_role() {
    let place = Place::of(shared().await, &[]).await;
    let scraping = Scraping::start(pods_of(place.client.clone(), &[]));
    let why = scraping.kubernetes_fails().await;
    let expected = format!(
        "cannot list pods in all namespaces: system:serviceaccount:{}:discover lacks the verb \
         `list` on pods; give it a ClusterRole with",
        place.namespace
    );
    assert!(why.starts_with(&expected), "{why}");
    let readiness = scraping.readiness();
    assert!(!readiness.ready);
    assert!(readiness.why.unwrap().contains("lacks the verb `list`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_nobody_knows() {
    let server = shared().await;
    let client = kube::Client::try_from(server.config("nonsense").await).unwrap();
    let scraping = Scraping::start(pods_of(client, &[]));
    let why = scraping.kubernetes_fails().await;
    assert!(why.contains("does not know who is asking"), "{why}");
}
