//! Pods that come, change and go while they are watched.

use kafmesh_discover::mesh::pod::FailureKind::NotAsked;
use kafmesh_discover::mesh::pod::{PodKey, Pods};
use kafmesh_mesh_tests::pods::{FakePod, service};
use kafmesh_mesh_tests::scraping::{self, Scraping, pods_of};
use serde_json::json;

use crate::helpers::Place;

/// A place with one pod `clicks-0`, scraped.
async fn one_pod() -> (Place, FakePod, Scraping) {
    let place = Place::new().await;
    let pod = FakePod::serving(service("clicks")).await;
    place
        .cluster
        .run(&place.namespace, "clicks-0", pod.address())
        .await;
    let scraping = Scraping::start(pods_of(place.client.clone(), &[&place.namespace]));
    scraping.ready().await;
    until_it_says(&scraping, &place, "clicks").await;
    (place, pod, scraping)
}

async fn until_it_says(scraping: &Scraping, place: &Place, service: &str) {
    scraping
        .until(&format!("it says {service}"), |scraped| {
            scraping::service(scraped, &place.namespace, "clicks-0") == Some(service)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_appears_and_goes() {
    let (place, _pod, scraping) = one_pod().await;
    let namespace = &place.namespace;
    let other = FakePod::serving(service("other")).await;
    place.cluster.run(namespace, "other", other.address()).await;
    scraping
        .until("the new one answers", |scraped| {
            scraping::service(scraped, namespace, "other") == Some("other")
        })
        .await;
    place.cluster.delete(namespace, "clicks-0").await;
    scraping
        .until("the deleted one is gone", |scraped| {
            scraped.pods.keys().eq([&PodKey::new(namespace, "other")])
        })
        .await;
    place
        .cluster
        .annotate(namespace, "other", "kafmesh/scrape", Some("false"))
        .await;
    scraping
        .until("nor is one that is not annotated any more", |scraped| {
            scraped.pods.is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_that_restarts_with_another_version() {
    let (place, pod, scraping) = one_pod().await;
    pod.say(service("clicks-2"));
    let restarted = json!({ "containerStatuses": [{
        "name": "app", "image": "app", "imageID": "", "ready": true, "restartCount": 1,
    }] });
    place
        .cluster
        .status(&place.namespace, "clicks-0", restarted)
        .await;
    until_it_says(&scraping, &place, "clicks-2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_becomes_ready_with_another_version() {
    let (place, pod, scraping) = one_pod().await;
    for (ready, name) in [("False", "clicks-2"), ("True", "clicks-3")] {
        pod.say(service(name));
        let status = json!({ "conditions": [{ "type": "Ready", "status": ready }] });
        place
            .cluster
            .status(&place.namespace, "clicks-0", status)
            .await;
        until_it_says(&scraping, &place, name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_changes_while_all_are_asked() {
    let place = Place::new().await;
    let namespace = &place.namespace;
    let mut pods = Vec::new();
    for i in 0..20 {
        let pod = FakePod::serving(service("old")).await;
        let name = format!("clicks-{i}");
        place.cluster.run(namespace, &name, pod.address()).await;
        pods.push(pod);
    }
    let mut config = pods_of(place.client.clone(), &[namespace]);
    config.interval = std::time::Duration::from_millis(100);
    config.concurrency = 2;
    let scraping = Scraping::start(config);
    for pod in &pods {
        // One after the other, while scrapes go on.
        pod.say(service("new"));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        let now = scraping.now();
        assert!(now.pods.values().all(|observed| observed.failure.is_none()));
    }
    let scraped = scraping
        .until("all are new", |scraped| {
            scraped.pods.len() == 20
                && (0..20).all(|i| {
                    let name = format!("clicks-{i}");
                    scraping::service(scraped, namespace, &name) == Some("new")
                })
        })
        .await;
    assert!(scraped.runs.iter().all(|run| run.failed == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_is_replaced_under_its_name() {
    let (place, old, scraping) = one_pod().await;
    let namespace = &place.namespace;
    let before = scraping.now();
    place.cluster.delete(namespace, "clicks-0").await;
    drop(old);
    let new = FakePod::serving(service("clicks-2")).await;
    place
        .cluster
        .run(namespace, "clicks-0", new.address())
        .await;
    until_it_says(&scraping, &place, "clicks-2").await;
    let key = PodKey::new(namespace, "clicks-0");
    let uid = |pods: &Pods| pods[&key].pod.uid.clone().unwrap();
    assert_ne!(uid(&before.pods), uid(&scraping.now().pods));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_namespaces_have_a_pod_of_one_name() {
    let (one, other) = (Place::new().await, Place::new().await);
    let mut pods = Vec::new();
    for (place, name) in [(&one, "one"), (&other, "other")] {
        let pod = FakePod::serving(service(name)).await;
        place
            .cluster
            .run(&place.namespace, "pod", pod.address())
            .await;
        pods.push(pod);
    }
    let namespaces = [one.namespace.as_str(), other.namespace.as_str()];
    let scraping = Scraping::start(pods_of(one.client.clone(), &namespaces));
    let scraped = scraping.ready().await;
    for (place, name) in [(&one, "one"), (&other, "other")] {
        let service = scraping::service(&scraped, &place.namespace, "pod");
        assert_eq!(service, Some(name));
    }
    other.cluster.delete(&other.namespace, "pod").await;
    scraping
        .until("only the other is gone", |scraped| {
            scraped
                .pods
                .keys()
                .eq([&PodKey::new(&one.namespace, "pod")])
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_from_before_is_confirmed_or_goes() {
    let (place, pod, scraping) = one_pod().await;
    let namespace = &place.namespace;
    let gone = FakePod::serving(service("gone")).await;
    place.cluster.run(namespace, "gone", gone.address()).await;
    let before = scraping
        .until("both answer", |scraped| scraped.pods.len() == 2)
        .await;
    let before = before.pods.clone();
    drop(scraping);
    place.cluster.delete(namespace, "gone").await;

    let mut config = pods_of(place.client.clone(), &[namespace]);
    // Nobody there knows Kubernetes.
    let nowhere = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
    config.kubernetes.as_mut().unwrap().client = nowhere.try_into().unwrap();
    let blind = Scraping::resume(config, before.clone());
    blind.kubernetes_fails().await;
    let known = blind
        .until("it is shown", |scraped| !scraped.pods.is_empty())
        .await;
    assert!(known.pods.keys().eq(before.keys()));
    let (kind, _) = scraping::failure(&known, namespace, "clicks-0").unwrap();
    assert_eq!(kind, NotAsked);
    drop(blind);

    let asked = pod.asked();
    let config = pods_of(place.client.clone(), &[namespace]);
    let scraping = Scraping::resume(config, before.clone());
    let scraped = scraping.ready().await;
    assert!(pod.asked() > asked);
    let key = PodKey::new(namespace, "clicks-0");
    assert!(scraped.pods.keys().eq([&key]));
    assert_eq!(
        scraped.pods[&key], before[&key],
        "nothing of it has changed"
    );
}
