//! A view sink: a whole topic for another system, every now and then.

use std::collections::BTreeMap;
use std::time::Duration;

use kafmesh::Schedule;
use kafmesh_objects::definitions::models::Balance;
use kafmesh_objects::{Bookkeeping, Database};

use crate::kafka::Kafka;
use crate::support::{Running, Shop, eventually};

on_both_brokers!(the_other_system_gets_everything_that_the_topic_holds);

const BALANCES: &str = "shop.customerId.balance";

async fn the_other_system_gets_everything_that_the_topic_holds(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let kafka = &shop.kafka;
    let books = Database::default();
    let mut service = shop.connect().await;
    for customer in 0..50 {
        let balance = Balance { cents: customer };
        kafka
            .write(BALANCES, &format!("customer-{customer:02}"), &balance)
            .await;
    }
    service
        .accounts()
        .register_bookkeeping_view_sink(
            Bookkeeping::new(books.clone()),
            Schedule::every(Duration::from_millis(100)),
        )
        .unwrap();
    let running = Running::start(service);
    eventually("it was handed over", || !books.writes().is_empty()).await;
    let mut expected: BTreeMap<_, _> = (0..50)
        .map(|customer| (format!("customer-{customer:02}"), customer))
        .collect();
    // The first time, everything is there.
    assert_eq!(books.writes()[0], 50);
    assert_eq!(books.rows().unwrap(), expected);

    // A system that is away gets it the next time.
    books.fail(Some("the bookkeeping is on holiday"));
    kafka
        .write(BALANCES, "customer-01", &Balance { cents: -1 })
        .await;
    kafka.write_delete(BALANCES, "customer-02").await;
    eventually("it was tried", || books.failures() >= 2).await;
    books.fail(None);
    expected.insert("customer-01".to_owned(), -1);
    expected.remove("customer-02");
    eventually("the books are up to date", || {
        books.rows().unwrap() == expected
    })
    .await;
    running.stop().await;
}
