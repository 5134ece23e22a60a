//! A join: a table with the keys of the input.

use kafmesh_objects::Dispatch;
use kafmesh_objects::definitions::Service;
use kafmesh_objects::definitions::models::{Address, Invoice, Parcel, Question};

use crate::kafka::Kafka;
use crate::support::{Running, Shop};

on_both_brokers!(a_join_is_complete_before_the_first_record_and_then_follows);

const ADDRESSES: &str = "shop.customerId.address";
const INVOICES: &str = "shop.customerId.invoice";
const PARCELS: &str = "shop.customerId.parcel";
const QUESTIONS: &str = "shop.customerId.question";

fn at(town: &str) -> Address {
    Address {
        text: town.to_owned(),
    }
}

fn invoice(product: &str) -> Invoice {
    Invoice {
        product: product.to_owned(),
        cents: 1190,
    }
}

fn dispatching(mut service: Service) -> Running {
    service
        .orders()
        .register_dispatch_processor(Dispatch)
        .unwrap();
    Running::start(service)
}

async fn a_join_is_complete_before_the_first_record_and_then_follows(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let kafka = &shop.kafka;

    // Both wait for the first start: the invoices, and the addresses they need.
    let service = shop.connect().await;
    let customers: Vec<String> = (0..40).map(|number| format!("customer-{number}")).collect();
    for customer in &customers {
        kafka.write(INVOICES, customer, &invoice("teapot")).await;
        kafka.write(ADDRESSES, customer, &at("nowhere yet")).await;
        kafka.write(ADDRESSES, customer, &at(customer)).await;
    }
    let running = dispatching(service);
    let parcels = kafka.read_all::<Parcel>(PARCELS, customers.len()).await;
    for (customer, parcel) in parcels {
        assert_eq!(parcel.address, customer);
    }
    running.stop().await;

    // While nothing runs, a customer moves and another one leaves.
    kafka.write(ADDRESSES, "customer-1", &at("Paris")).await;
    kafka.write_delete(ADDRESSES, "customer-2").await;
    for customer in ["customer-1", "customer-2"] {
        kafka.write(INVOICES, customer, &invoice("cup")).await;
    }
    let running = dispatching(shop.connect().await);
    let questions = kafka.read_all::<Question>(QUESTIONS, 1).await;
    assert_eq!(questions[0].0, "customer-2");
    let parcels = kafka.read_all::<Parcel>(PARCELS, customers.len() + 1).await;
    let cup = parcels.iter().find(|(_, parcel)| parcel.product == "cup");
    assert_eq!(cup.unwrap().1.address, "Paris");

    // While it runs, a record sees every change that Kafka had before it, and perhaps later ones.
    const MOVES: usize = 50;
    for number in 0..MOVES {
        let (town, spoon) = (format!("town {number:02}"), format!("spoon {number:02}"));
        kafka.write(ADDRESSES, "customer-1", &at(&town)).await;
        kafka.write(INVOICES, "customer-1", &invoice(&spoon)).await;
    }
    kafka.write_delete(ADDRESSES, "customer-3").await;
    kafka.write(INVOICES, "customer-3", &invoice("fork")).await;
    let questions = kafka.read_all::<Question>(QUESTIONS, 2).await;
    let question = Question {
        text: "where shall the fork go?".to_owned(),
    };
    assert!(questions.contains(&("customer-3".to_owned(), question)));
    let parcels = kafka
        .read_all::<Parcel>(PARCELS, customers.len() + 1 + MOVES)
        .await;
    for (_, Parcel { product, address }) in parcels {
        if let Some(number) = product.strip_prefix("spoon ") {
            let town = format!("town {number}");
            assert!(address >= town, "{product} went to {address}");
        }
    }
    running.stop().await;
}
