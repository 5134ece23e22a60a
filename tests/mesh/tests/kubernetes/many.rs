//! A mesh of many pods.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use kafmesh_discover::mesh::run::RunKind;
use kafmesh_mesh_tests::pods::{FakePod, service};
use kafmesh_mesh_tests::scraping::{Scraping, pods_of};

use crate::helpers::Place;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_pods_of_forty_services() {
    let place = Place::new().await;
    let pods = join_all((0..200).map(|i| {
        let place = &place;
        async move {
            let service_name = format!("service-{}", i % 40);
            let pod = FakePod::serving(service(&service_name)).await;
            let name = format!("{service_name}-{}", i / 40);
            place
                .cluster
                .run(&place.namespace, &name, pod.address())
                .await;
            pod
        }
    }))
    .await;
    let scraping = Scraping::start(pods_of(place.client.clone(), &[&place.namespace]));
    let scraped = scraping.ready().await;
    let mut services = BTreeMap::<&str, usize>::new();
    for observed in scraped.pods.values() {
        assert_eq!(observed.failure, None);
        let answer = observed.answer.as_ref().unwrap();
        *services.entry(&answer.description.service).or_default() += 1;
    }
    assert_eq!(services.len(), 40);
    assert!(services.values().all(|pods| *pods == 5), "{services:?}");
    let full = scraped.runs.iter().find(|run| run.kind == RunKind::Full);
    let full = full.unwrap();
    assert_eq!((full.asked, full.answered, full.failed), (200, 200, 0));
    assert!(pods.iter().all(|pod| pod.asked() == 1));
}
