//! What a processor does in all of its processes at once, through kafmesh-discover.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use kafmesh_discover::config::{self, Config};
use kafmesh_discover::run::Discover;
use kafmesh_mesh_tests::http::{self, Events};
use kafmesh_mesh_tests::shop::{Running, Shop, tax, turn, unique};
use kafmesh_objects::definitions::models::Payment;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

const PATH: &str = "/api/v1/services/shop/components/accounts/processors/ledger/watch";

/// Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

async fn ready(shop: &Running) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (status, state) = http::get(shop.address, "/health/ready").await;
        if status == 200 {
            return;
        }
        assert!(Instant::now() < deadline, "{state}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// The stream, as soon as kafmesh-discover knows of the processor.
async fn events(address: SocketAddr) -> Events {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(events) = Events::open(address, PATH).await {
            return events;
        }
        assert!(Instant::now() < deadline, "{PATH} is not there");
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_processor_is_watched_in_all_of_its_processes() {
    let _turn = turn().await;
    tax("DE", 19).await;
    let token = "hunter2";
    let mut one = Shop::open("shop-0", |config| config.with_watch_token(token)).await;
    let payments = one.service.accounts().customer_id_payment_source();
    let two = Shop::open("shop-1", |config| config.with_watch_token(token)).await;
    let (one, two) = (one.run(), two.run());
    ready(&one).await;
    ready(&two).await;

    let mut config = Config::default();
    config.listen.set_port(0);
    config.scrape.kubernetes = config::Kubernetes::Off;
    let pods = [&one, &two].map(|shop| shop.address.to_string());
    config.scrape.targets.extend(pods);
    config.dial.watch_token = Some(config::Secret::new(token));
    let discover = Discover::start(config).await.unwrap();
    let address = discover.address();
    let stop = CancellationToken::new();
    let running = tokio::spawn(discover.run(stop.clone()));

    let mut events = events(address).await;
    let mut pods = BTreeSet::new();
    while pods.len() < 2 {
        let (name, data) = events.next().await;
        assert_eq!(name, "joined", "{data}");
        pods.insert(data["pod"].as_str().unwrap().to_owned());
    }

    // The second may get its partitions a little later, so there may have to be more than one payment of each.
    let run = unique("run");
    let mut shown: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    for cents in 1.. {
        for customer in 0..40 {
            let customer = format!("{run}-{customer}");
            payments.emit(&customer, &Payment { cents }).await.unwrap();
        }
        while shown.len() < 40 || shown.values().any(|all| !all.contains(&cents)) {
            let (name, data) = events.next().await;
            assert_eq!(name, "operation", "{data}");
            let input = &data["input"];
            let key = input["key"].as_str().unwrap();
            if !key.starts_with(&run) {
                continue;
            }
            assert_eq!(input["topic"], "shop.customerId.payment", "{data}");
            assert_eq!(data["actions"][0]["action"], "getState", "{data}");
            let value: serde_json::Value =
                serde_json::from_str(input["value"].as_str().unwrap()).unwrap();
            let cents = value["cents"].as_str().unwrap().parse().unwrap();
            shown.entry(key.to_owned()).or_default().push(cents);
            seen.insert(data["pod"].as_str().unwrap().to_owned());
        }
        if seen == pods {
            break;
        }
        assert!(Instant::now() < deadline, "{seen:?} is not {pods:?}");
    }
    assert_eq!(shown.len(), 40);

    drop(events);
    stop.cancel();
    running.await.unwrap();
    one.stop().await;
    two.stop().await;
}
