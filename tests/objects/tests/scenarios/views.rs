//! A view: a local copy of a topic.

use kafmesh::View;
use kafmesh_objects::definitions::models::Address;

use crate::kafka::Kafka;
use crate::support::{Running, Shop, eventually};

on_both_brokers!(a_view_is_complete_and_then_current);

fn at(town: &str) -> Address {
    Address {
        text: town.to_owned(),
    }
}

/// The towns of all customers, by customer.
fn entries(view: &View<Address>) -> Vec<(String, String)> {
    view.iter()
        .unwrap()
        .map(|entry| entry.map(|(customer, address)| (customer, address.text)))
        .collect::<kafmesh::Result<_>>()
        .unwrap()
}

fn towns(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(customer, town)| ((*customer).to_owned(), (*town).to_owned()))
        .collect()
}

async fn a_view_is_complete_and_then_current(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let mut service = shop.connect().await;
    let addresses = service.customers().customer_id_address_source();
    addresses.emit("ada", &at("London")).await.unwrap();
    addresses.emit("grace", &at("New York")).await.unwrap();
    addresses.emit("ada", &at("Paris")).await.unwrap();

    // What the topic holds at the start is there when the view is ready.
    let view = service.customers().customer_id_address_view().unwrap();
    let running = Running::start(service);
    view.ready().await.unwrap();
    assert_eq!(view.get("ada").unwrap(), Some(at("Paris")));
    assert_eq!(view.get("nobody").unwrap(), None);
    assert_eq!(
        entries(&view),
        towns(&[("ada", "Paris"), ("grace", "New York")])
    );

    // What comes later follows.
    addresses.emit("ada", &at("London")).await.unwrap();
    addresses.delete("grace").await.unwrap();
    eventually("the view follows", || {
        entries(&view) == towns(&[("ada", "London")])
    })
    .await;
    running.stop().await;
    drop((view, addresses));

    // The next process goes on from its local copy and what came in between.
    let topic = "shop.customerId.address";
    shop.kafka.write(topic, "grace", &at("Arlington")).await;
    shop.kafka.write_delete(topic, "ada").await;
    let mut service = shop.connect().await;
    let view = service.customers().customer_id_address_view().unwrap();
    let running = Running::start(service);
    view.ready().await.unwrap();
    assert_eq!(entries(&view), towns(&[("grace", "Arlington")]));
    running.stop().await;
}
