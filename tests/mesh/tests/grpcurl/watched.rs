//! What the processors of a running process do, as it shows while they do it.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use kafmesh_mesh_tests::http;
use kafmesh_mesh_tests::shop::{Running, Shop, tax, turn, unique};
use kafmesh_objects::definitions::models::{Address, Order, Payment};
use serde_json::{Deserializer, Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, ChildStdout};
use tokio::time::{Instant, sleep, timeout};

use crate::{ask, command, grpcurl, plaintext};

const METHOD: &str = "kafmesh.watch.v1.WatchAPI/Processor";

/// Only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A grpcurl that watches.
struct Watcher {
    _child: Child,
    printed: ChildStdout,
    text: Vec<u8>,
}

impl Watcher {
    /// Watches `processor`, a component and its processor, with more arguments.
    fn start(address: SocketAddr, processor: (&str, &str), key: &str, more: &[&str]) -> Self {
        let request = request(processor, key);
        let mut child = command()
            .args(["-plaintext", "-d", &request])
            .args(more)
            .args([&address.to_string(), METHOD])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let printed = child.stdout.take().unwrap();
        Self {
            _child: child,
            printed,
            text: Vec::new(),
        }
    }

    /// The first `count` operations, none of which may be lost.
    async fn operations(&mut self, count: usize) -> Vec<Value> {
        let reading = async {
            loop {
                // The last may be there in part, and is no JSON yet.
                let responses = Deserializer::from_slice(&self.text).into_iter::<Value>();
                let responses: Vec<_> = responses.map_while(Result::ok).collect();
                if responses.len() >= count {
                    return responses;
                }
                let more = self.printed.read_buf(&mut self.text).await.unwrap();
                assert_ne!(more, 0, "grpcurl ended after {responses:?}");
            }
        };
        let responses = timeout(PATIENCE, reading).await.expect("no operation came");
        let operation = |response: Value| {
            assert_eq!(response["lost"], Value::Null, "{response}");
            response["operation"].clone()
        };
        responses.into_iter().map(operation).collect()
    }
}

fn request((component, processor): (&str, &str), key: &str) -> String {
    json!({ "component": component, "processor": processor, "key": key }).to_string()
}

/// Waits until the process says that it serves.
async fn serving(shop: &Running) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let health = ask(shop.address, "grpc.health.v1.Health/Check").await;
        if health == json!({ "status": "SERVING" }) {
            return;
        }
        assert!(Instant::now() < deadline, "{health}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until as many watch as said, by the metrics of the process.
async fn watched_by(shop: &Running, watchers: u64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, metrics) = http::get(shop.address, "/metrics").await;
        let counts = metrics.lines().filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            let value = name.starts_with("kafmesh_watchers{").then_some(value)?;
            Some(value.parse::<u64>().unwrap())
        });
        let now = counts.sum::<u64>();
        if now == watchers {
            return;
        }
        assert!(Instant::now() < deadline, "{now} watch, and not {watchers}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// What happened in an operation, with each value as JSON and without times.
fn told(operation: &Value) -> Value {
    let mut told = json!([[
        "input",
        operation["input"]["key"],
        value(&operation["input"])
    ]]);
    assert!(operation["startTime"].is_string() && operation["endTime"].is_string());
    for action in operation["actions"].as_array().into_iter().flatten() {
        let (kind, action) = action.as_object().unwrap().iter().next().unwrap();
        let topic = &action["topic"];
        told.as_array_mut()
            .unwrap()
            .push(json!([kind, topic, value(action)]));
    }
    told
}

/// A value, which is JSON in a text, and absent when it is empty.
fn value(of: &Value) -> Value {
    match of["value"].as_str() {
        Some(text) => serde_json::from_str(text).unwrap(),
        None => Value::Null,
    }
}

#[tokio::test]
async fn what_processors_do_is_shown_as_json_without_what_is_marked() {
    let _turn = turn().await;
    tax("DE", 19).await;
    let mut shop = Shop::open("shop-0", |config| config).await;
    let service = &mut shop.service;
    let addresses = service.customers().customer_id_address_source();
    let orders = service.orders().customer_id_order_source();
    let payments = service.accounts().customer_id_payment_source();
    let prices = service.catalog().product_id_price_view().unwrap();
    let teapot = ("teapot".to_owned(), 1000);
    shop.outside.price_list.upsert([teapot]).unwrap();
    let ada = unique("ada");
    let home = Address {
        text: "12 St James's Square".to_owned(),
    };
    addresses.emit(&ada, &home).await.unwrap();

    let shop = shop.run();
    serving(&shop).await;
    let deadline = Instant::now() + PATIENCE;
    while prices.get("teapot").unwrap().is_none() {
        assert!(Instant::now() < deadline, "the price list is not in Kafka");
        sleep(Duration::from_millis(50)).await;
    }
    let listed = plaintext(shop.address, &["list"]).await;
    assert!(
        listed
            .lines()
            .any(|line| line == "kafmesh.watch.v1.WatchAPI")
    );

    let watch =
        |component, processor| Watcher::start(shop.address, (component, processor), &ada, &[]);
    let mut checkout = watch("orders", "checkout");
    let mut dispatch = watch("orders", "dispatch");
    let mut ledger = watch("accounts", "ledger");
    let mut earning = watch("loyalty", "earning");
    let mut bonus = watch("loyalty", "bonus");
    watched_by(&shop, 5).await;
    let order = Order {
        product: "teapot".to_owned(),
        quantity: 2,
        country: "DE".to_owned(),
    };
    orders.emit(&ada, &order).await.unwrap();
    // Of a key that nobody watches.
    orders.emit(&unique("grace"), &order).await.unwrap();

    let shown = checkout.operations(1).await;
    assert_eq!(
        told(&shown[0]),
        json!([
            ["input", ada, { "product": "teapot", "quantity": 2, "country": "DE" }],
            ["lookup", "shop.productId.price", { "cents": "1000" }],
            ["lookup", "taxService.countryCode.rate", { "percent": 19 }],
            ["output", "shop.customerId.invoice", { "product": "teapot", "cents": "2380" }],
        ])
    );
    let shown = dispatch.operations(1).await;
    assert_eq!(
        told(&shown[0]),
        json!([
            ["input", ada, { "product": "teapot", "cents": "2380" }],
            ["join", "shop.customerId.address", { "text": "[redacted]" }],
            ["output", "shop.customerId.parcel", { "product": "teapot", "address": "[redacted]" }],
        ])
    );
    let text = String::from_utf8(dispatch.text.clone()).unwrap();
    assert!(!text.contains("James"), "{text}");
    let changelog = "shop.accounts.ledger-table";
    let shown = ledger.operations(1).await;
    assert_eq!(
        told(&shown[0]),
        json!([
            ["input", ada, { "product": "teapot", "cents": "2380" }],
            ["getState", changelog, null],
            ["output", "shop.customerId.balance", { "cents": "2380" }],
            ["setState", changelog, { "invoicedCents": "2380" }],
        ])
    );

    payments
        .emit(&ada, &Payment { cents: 12_000 })
        .await
        .unwrap();
    let shown = ledger.operations(2).await;
    assert_eq!(
        told(&shown[1]),
        json!([
            ["input", ada, { "cents": "12000" }],
            ["getState", changelog, { "invoicedCents": "2380" }],
            ["output", "shop.customerId.balance", { "cents": "-9620" }],
            ["setState", changelog, { "invoicedCents": "2380", "paidCents": "12000" }],
        ])
    );
    // Two processors that share their state: each by itself, the second after the first.
    let changelog = "shop.loyalty-table";
    let shown = earning.operations(1).await;
    assert_eq!(
        told(&shown[0]),
        json!([
            ["input", ada, { "cents": "12000" }],
            ["getState", changelog, null],
            ["setState", changelog, { "points": "120" }],
        ])
    );
    let shown = bonus.operations(1).await;
    assert_eq!(
        told(&shown[0]),
        json!([
            ["input", ada, { "cents": "12000" }],
            ["getState", changelog, { "points": "120" }],
            ["setState", changelog, { "points": "120", "bonusGiven": true }],
            ["output", "shop.customerId.voucher", { "cents": "500" }],
        ])
    );

    drop((checkout, dispatch, ledger, earning, bonus));
    watched_by(&shop, 0).await;
    shop.stop().await;
}

#[tokio::test]
async fn with_a_token_only_who_sends_it_may_watch() {
    let _turn = turn().await;
    tax("DE", 19).await;
    let mut shop = Shop::open("shop-0", |config| config.with_watch_token("hunter2")).await;
    let payments = shop.service.accounts().customer_id_payment_source();
    let address = shop.address.to_string();
    let ledger = ("accounts", "ledger");
    let request = request(ledger, "");
    let refused = async |more: &[&str]| {
        let asked = ["-plaintext", "-d", &request];
        let asked = [&asked, more, &[address.as_str(), METHOD]].concat();
        let output = grpcurl(&asked).await;
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let early = refused(&[]).await;
    assert!(early.contains("Code: Unavailable"), "{early}");

    let shop = shop.run();
    serving(&shop).await;
    for without in [&[][..], &["-H", "authorization: Bearer hunter3"]] {
        let error = refused(without).await;
        assert!(error.contains("Code: Unauthenticated"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let token = ["-H", "authorization: Bearer hunter2"];
    let ada = unique("ada");
    let mut watcher = Watcher::start(shop.address, ledger, &ada, &token);
    watched_by(&shop, 1).await;
    payments.emit(&ada, &Payment { cents: 7 }).await.unwrap();
    let shown = watcher.operations(1).await;
    assert_eq!(told(&shown[0])[0], json!(["input", ada, { "cents": "7" }]));
    drop(watcher);
    watched_by(&shop, 0).await;
    shop.stop().await;
}
