//! A sink: a topic's records, in batches, into a database.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use kafmesh::Batching;
use kafmesh_objects::definitions::Service;
use kafmesh_objects::definitions::models::Parcel;
use kafmesh_objects::{Database, Entry, ParcelBook, Place};

use crate::kafka::Kafka;
use crate::support::{Running, Shop, eventually};

on_both_brokers!(
    batches_are_written_by_count_and_at_the_end,
    batches_are_written_by_interval,
    every_record_has_its_place_and_those_of_a_partition_their_order,
    a_failed_write_is_tried_again,
    a_write_that_keeps_failing_ends_the_service_and_loses_nothing,
);

type Book = Database<Place, Entry>;

const PARCELS: &str = "shop.customerId.parcel";
const GROUP: &str = "shop.warehouse.parcelBook-sink";

fn keeping(mut service: Service, book: &Book, batching: Batching) -> Running {
    service
        .warehouse()
        .register_parcel_book_sink(ParcelBook::new(book.clone()), batching)
        .unwrap();
    Running::start(service)
}

/// Batches that are written as soon as possible.
fn at_once() -> Batching {
    Batching::default().with_interval(Duration::from_millis(20))
}

async fn send(kafka: &Kafka, customer: &str, addresses: impl IntoIterator<Item = u32>) {
    for address in addresses {
        let parcel = Parcel {
            product: "teapot".to_owned(),
            address: format!("{address:03}"),
        };
        kafka.write(PARCELS, customer, &parcel).await;
    }
}

/// The addresses in the book, in the order of their places.
fn addresses(book: &Book) -> Vec<String> {
    let rows = book.rows().unwrap();
    rows.into_values().map(|entry| entry.address).collect()
}

async fn batches_are_written_by_count_and_at_the_end(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let book = Book::default();
    let batching = Batching::default()
        .with_records(5)
        .with_interval(Duration::from_secs(3600));
    let service = shop.connect().await;
    send(&shop.kafka, "ada", 0..12).await;
    let running = keeping(service, &book, batching);
    eventually("two batches are full", || book.writes() == [5, 5]).await;

    // What is left over is written when the service stops.
    running.stop().await;
    assert_eq!(book.writes(), [5, 5, 2]);
    shop.kafka.committed(GROUP, PARCELS).await;
}

async fn batches_are_written_by_interval(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let book = Book::default();
    let running = keeping(shop.connect().await, &book, at_once());
    send(&shop.kafka, "ada", 0..3).await;
    eventually("three parcels are in the book", || {
        addresses(&book).len() == 3
    })
    .await;
    // Its offsets are committed, so the next process goes on behind them.
    shop.kafka.committed(GROUP, PARCELS).await;
    running.stop().await;

    let book = Book::default();
    let running = keeping(shop.connect().await, &book, at_once());
    send(&shop.kafka, "ada", 3..4).await;
    eventually("the fourth parcel is in the book", || {
        !addresses(&book).is_empty()
    })
    .await;
    assert_eq!(addresses(&book), ["003"]);
    running.stop().await;
}

async fn every_record_has_its_place_and_those_of_a_partition_their_order(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let book = Book::default();
    let batching = at_once().with_records(7);
    let service = shop.connect().await;
    let before = std::time::SystemTime::now() - Duration::from_secs(1);
    let customers = ["ada", "grace", "radia", "barbara", "frances"];
    for number in 0..10 {
        for customer in customers {
            send(&shop.kafka, customer, [number]).await;
        }
    }
    let running = keeping(service, &book, batching);
    eventually("all parcels are in the book", || {
        addresses(&book).len() == 50
    })
    .await;
    running.stop().await;

    // A partition's offsets run from 0, and by them each customer's parcels are in order.
    let mut next = BTreeMap::<i32, i64>::new();
    let mut seen = BTreeMap::<String, u32>::new();
    for ((topic, partition, offset), entry) in book.rows().unwrap() {
        assert_eq!(topic, PARCELS);
        let expected = next.entry(partition).or_default();
        assert_eq!(offset, *expected, "partition {partition}");
        *expected += 1;
        let count = seen.entry(entry.customer).or_default();
        assert_eq!(entry.address, format!("{count:03}"));
        *count += 1;
        assert!(entry.left_at > before && entry.left_at > UNIX_EPOCH);
    }
    assert_eq!(seen.len(), customers.len());
}

async fn a_failed_write_is_tried_again(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let book = Book::default();
    book.fail(Some("away"));
    let running = keeping(shop.connect().await, &book, at_once());
    send(&shop.kafka, "ada", 0..3).await;
    eventually("the book was asked for", || book.failures() >= 2).await;
    book.fail(None);
    eventually("the parcels are in the book", || {
        addresses(&book).len() == 3
    })
    .await;
    assert_eq!(addresses(&book), ["000", "001", "002"]);
    running.stop().await;
}

async fn a_write_that_keeps_failing_ends_the_service_and_loses_nothing(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let book = Book::default();
    let service = shop.connect().await;
    send(&shop.kafka, "ada", 0..3).await;
    book.fail(Some("the book is at the bookbinder's"));
    let batching = at_once()
        .with_records(3)
        .with_retry_for(Duration::from_millis(300));
    let error = keeping(service, &book, batching)
        .ended()
        .await
        .unwrap_err()
        .to_string();
    for part in [
        "sink parcel book of component warehouse",
        "3 records",
        "topic shop.customerId.parcel",
        "the book is at the bookbinder's",
    ] {
        assert!(error.contains(part), "no {part:?} in {error}");
    }

    // Nothing of it was committed.
    book.fail(None);
    let running = keeping(shop.connect().await, &book, at_once());
    eventually("the parcels are in the book", || {
        addresses(&book).len() == 3
    })
    .await;
    running.stop().await;
}
