//! The whole shop as its `main` runs it: every kind of object at once.

use kafmesh_objects::definitions::models::{
    Address, Balance, Order, Payment, Rate, Redemption, Rejection, Voucher,
};
use kafmesh_objects::{Outside, open};

use crate::kafka::Kafka;
use crate::support::{Running, Shop, eventually};

on_both_brokers!(an_order_becomes_a_parcel_a_balance_and_points);

const RATES: &str = "taxService.countryCode.rate";

async fn an_order_becomes_a_parcel_a_balance_and_points(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let kafka = &shop.kafka;
    kafka.create(RATES, 1).await;
    kafka.create("carrierService.customerId.delivery", 1).await;
    kafka.write(RATES, "DE", &Rate { percent: 19 }).await;
    let outside = Outside::default();
    let teapot = ("teapot".to_owned(), 10_000);
    outside.price_list.upsert([teapot]).unwrap();

    let mut service = open(shop.config(), &outside).await.unwrap();
    let addresses = service.customers().customer_id_address_source();
    let orders = service.orders().customer_id_order_source();
    let payments = service.accounts().customer_id_payment_source();
    let redemptions = service.loyalty().customer_id_redemption_source();
    let prices = service.catalog().product_id_price_view().unwrap();
    let balances = service.accounts().customer_id_balance_view().unwrap();
    let customers: Vec<String> = (0..20)
        .map(|number| format!("customer-{number:02}"))
        .collect();
    for customer in &customers {
        let home = Address {
            text: format!("home of {customer}"),
        };
        addresses.emit(customer, &home).await.unwrap();
    }
    let running = Running::start(service);
    prices.ready().await.unwrap();
    balances.ready().await.unwrap();
    eventually("the price list is in Kafka", || {
        prices.get("teapot").unwrap().is_some()
    })
    .await;

    for customer in &customers {
        for product in ["teapot", "dragon"] {
            let order = Order {
                product: product.to_owned(),
                quantity: 1,
                country: "DE".to_owned(),
            };
            orders.emit(customer, &order).await.unwrap();
        }
        payments
            .emit(customer, &Payment { cents: 12_000 })
            .await
            .unwrap();
    }

    // Lookups, and from one processor to the next: the invoices, the parcels and what is in the book.
    eventually("the parcels are in the book", || {
        outside.parcel_book.rows().unwrap().len() == 20
    })
    .await;
    for entry in outside.parcel_book.rows().unwrap().into_values() {
        assert_eq!(entry.address, format!("home of {}", entry.customer));
    }
    let rejections = kafka
        .read_all::<Rejection>("shop.customerId.rejection", 20)
        .await;
    assert_eq!(rejections[0].1.reason, "dragon is not for sale");

    // State, the view of what comes of it, and the view sink.
    eventually("the balances are right", || {
        customers
            .iter()
            .all(|customer| balances.get(customer).unwrap() == Some(Balance { cents: -100 }))
    })
    .await;
    let expected = customers
        .iter()
        .map(|customer| (customer.clone(), -100))
        .collect();
    eventually("the books are right", || {
        outside.books.rows().unwrap() == expected
    })
    .await;

    // State that processors share.
    let vouchers = "shop.customerId.voucher";
    kafka.read_all::<Voucher>(vouchers, 20).await;
    redemptions
        .emit(&customers[0], &Redemption { points: 1000 })
        .await
        .unwrap();
    let all = kafka.read_all::<Voucher>(vouchers, 21).await;
    assert!(all.contains(&(customers[0].clone(), Voucher { cents: 120 })));
    running.stop().await;
}
