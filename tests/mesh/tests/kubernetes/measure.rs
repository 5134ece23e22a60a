//! How long a scrape of many pods takes, beside the pods themselves on the same machine:
//! `cargo test --release -p kafmesh-mesh-tests --test kubernetes -- --ignored --nocapture measure`.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use kafmesh_discover::mesh::run::RunKind;
use kafmesh_mesh_tests::pods::{FakePod, service};
use kafmesh_mesh_tests::scraping::{Scraping, pods_of};

use crate::helpers::Place;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it measures"]
async fn a_thousand_pods() {
    const PODS: usize = 1000;
    let place = Place::new().await;
    let run = |i: usize| {
        let place = &place;
        async move {
            let pod = FakePod::serving(service(&format!("service-{}", i / 5))).await;
            let name = format!("pod-{i}");
            place
                .cluster
                .run(&place.namespace, &name, pod.address())
                .await;
            pod
        }
    };
    let _pods: Vec<FakePod> = stream::iter((0..PODS).map(run))
        .buffer_unordered(8)
        .collect()
        .await;
    let mut config = pods_of(place.client.clone(), &[&place.namespace]);
    config.interval = Duration::from_secs(5);
    let scraping = Scraping::start(config);
    let scraped = scraping
        .until("five scrapes have ended", |scraped| {
            scraped.runs.iter().filter(is_full).count() >= 5
        })
        .await;
    for run in scraped.runs.iter().filter(is_full) {
        let took = run.ended.duration_since(run.started);
        println!(
            "{} of {} pods answered within {took:#}",
            run.answered, run.asked
        );
        assert_eq!(run.answered, PODS);
    }
}

fn is_full(run: &&kafmesh_discover::mesh::run::ScrapeRun) -> bool {
    run.kind == RunKind::Full
}
