//! What a process says that it is, before it runs.

use std::path::Path;

use kafmesh_mesh_tests::shop::Shop;
use serde_json::{Value, json};

use crate::{ask, plaintext};

/// A shop with all of its objects registered and all of its topics in use.
async fn shop() -> Shop {
    let mut shop = Shop::open("shop-0", |config| config).await;
    let service = &mut shop.service;
    drop(service.orders().customer_id_order_source());
    drop(service.customers().customer_id_address_source());
    drop(service.accounts().customer_id_payment_source());
    drop(service.accounts().customer_id_balance_view().unwrap());
    shop
}

/// Compares with a file, which is rewritten when it differs.
fn check(file: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/grpcurl");
    let path = folder.join(file);
    if std::fs::read_to_string(&path).ok().as_deref() != Some(text) {
        std::fs::write(&path, text).unwrap();
        panic!("{file} is rewritten: see git diff, run again if it is right");
    }
}

#[tokio::test]
async fn a_process_is_asked_without_any_proto_file() {
    let shop = shop().await;
    let ping = ask(shop.address, "kafmesh.ping.v1.PingAPI/Ping").await;
    assert_eq!(ping, json!({}));
    let health = ask(shop.address, "grpc.health.v1.Health/Check").await;
    assert_eq!(health, json!({ "status": "NOT_SERVING" }));

    let method = "kafmesh.discover.v1.Discover/GetServiceInfo";
    let mut answer = plaintext(shop.address, &[method]).await;
    let told: Value = serde_json::from_str(&answer).unwrap();
    let instance = |name: &str| told["instance"][name].as_str().unwrap();
    let (version, started) = (instance("kafmeshVersion"), instance("startedAt"));
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    assert!(started.ends_with('Z'), "{started}");
    // What differs from run to run and from release to release.
    answer = answer.replace(started, "2026-01-31T09:30:00Z");
    answer = answer.replace(&format!("\"{version}\""), "\"1.0.0\"");
    check("discover.json", &answer);
    let method = "kafmesh.discovery.v1.DiscoveryAPI/GetServiceInfo";
    check("discovery.json", &plaintext(shop.address, &[method]).await);
}

#[tokio::test]
async fn everything_served_is_listed_and_described() {
    let shop = shop().await;
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
