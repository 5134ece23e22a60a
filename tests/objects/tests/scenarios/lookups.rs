//! Lookups: global tables, also of other services.

use kafmesh_objects::Checkout;
use kafmesh_objects::definitions::Service;
use kafmesh_objects::definitions::models::{Invoice, Order, Price, Rate, Rejection};

use crate::kafka::Kafka;
use crate::support::{Running, Shop, eventually};

on_both_brokers!(
    lookups_are_complete_before_the_first_record_and_then_follow,
    lookups_of_empty_topics_are_ready_at_once,
    a_topic_of_another_service_has_to_exist,
);

const ORDERS: &str = "shop.customerId.order";
const PRICES: &str = "shop.productId.price";
const INVOICES: &str = "shop.customerId.invoice";
const REJECTIONS: &str = "shop.customerId.rejection";
/// Of the tax service, which is another service.
const RATES: &str = "taxService.countryCode.rate";

fn order(product: &str) -> Order {
    Order {
        product: product.to_owned(),
        quantity: 1,
        country: "DE".to_owned(),
    }
}

fn selling(mut service: Service) -> Running {
    service
        .orders()
        .register_checkout_processor(Checkout)
        .unwrap();
    Running::start(service)
}

async fn lookups_are_complete_before_the_first_record_and_then_follow(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let kafka = &shop.kafka;
    // Lookups need not have as many partitions as the inputs.
    kafka.create(RATES, 2).await;
    let service = shop.connect().await;

    // One customer, thus one partition, orders products of all partitions.
    for number in 0..40 {
        let product = format!("product-{number}");
        kafka.write(ORDERS, "ada", &order(&product)).await;
        kafka
            .write(
                PRICES,
                &product,
                &Price {
                    cents: 100 * number,
                },
            )
            .await;
    }
    kafka.write(RATES, "DE", &Rate { percent: 50 }).await;
    let running = selling(service);
    let invoices = kafka.read_all::<Invoice>(INVOICES, 40).await;
    for (number, (customer, invoice)) in (0..).zip(invoices) {
        assert_eq!(customer, "ada");
        assert_eq!(invoice.product, format!("product-{number}"));
        assert_eq!(invoice.cents, 150 * number);
    }

    // The tables follow while the service runs.
    kafka
        .write(PRICES, "product-1", &Price { cents: 10_000 })
        .await;
    kafka.write_delete(PRICES, "product-2").await;
    let mut orders = 40;
    loop {
        for product in ["product-1", "product-2"] {
            kafka.write(ORDERS, "ada", &order(product)).await;
        }
        orders += 2;
        eventually("both are answered", || {
            kafka.count(INVOICES) + kafka.count(REJECTIONS) == orders
        })
        .await;
        let invoices = kafka.read::<Invoice>(INVOICES);
        let rejections = kafka.read::<Rejection>(REJECTIONS);
        let is_new = |(_, invoice): &(_, Option<Invoice>)| {
            invoice
                .as_ref()
                .is_some_and(|invoice| invoice.cents == 15_000)
        };
        if invoices.iter().any(is_new) && !rejections.is_empty() {
            break;
        }
        assert!(orders < 200, "the tables do not follow");
    }
    running.stop().await;
}

async fn lookups_of_empty_topics_are_ready_at_once(kafka: Kafka) {
    let shop = Shop::on(kafka);
    shop.kafka.create(RATES, 2).await;
    let service = shop.connect().await;
    shop.kafka.write(ORDERS, "ada", &order("teapot")).await;
    let running = selling(service);
    let rejections = shop.kafka.read_all::<Rejection>(REJECTIONS, 1).await;
    assert_eq!(rejections[0].1.reason, "teapot is not for sale");
    running.stop().await;
}

async fn a_topic_of_another_service_has_to_exist(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let error = selling(shop.connect().await).ended().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 problem with the topics of this service:\n  - taxService.countryCode.rate does not exist; processor checkout of component orders needs it: start the service that creates it first, or declare a source or an output for it if none does"
    );
}
