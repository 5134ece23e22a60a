//! Processors: several inputs, several outputs, state, and one that feeds another.

use kafmesh_objects::definitions::Service;
use kafmesh_objects::definitions::models::{
    Address, Arrival, Balance, Delivery, Invoice, Order, Parcel, Payment, Price, Rate, Rejection,
};
use kafmesh_objects::{Checkout, Dispatch, Ledger, Tracking};

use crate::kafka::Kafka;
use crate::support::{Running, Shop, eventually};

on_both_brokers!(
    inputs_share_the_state_of_their_key,
    an_output_is_the_input_of_another_processor,
    an_input_is_a_topic_of_another_service,
);

async fn inputs_share_the_state_of_their_key(kafka: Kafka) {
    fn keeping_accounts(mut service: Service) -> Running {
        service
            .accounts()
            .register_ledger_processor(Ledger)
            .unwrap();
        Running::start(service)
    }
    let shop = Shop::on(kafka);
    let kafka = &shop.kafka;
    let invoice = Invoice {
        product: "teapot".to_owned(),
        cents: 1190,
    };
    let mut service = shop.connect().await;
    let payments = service.accounts().customer_id_payment_source();
    let balances = service.accounts().customer_id_balance_view().unwrap();
    let running = keeping_accounts(service);
    balances.ready().await.unwrap();
    let owes = |customer: &str| {
        let balance = balances.get(customer).unwrap().unwrap_or_default();
        balance.cents
    };
    kafka
        .write("shop.customerId.invoice", "ada", &invoice)
        .await;
    payments
        .emit("ada", &Payment { cents: 1000 })
        .await
        .unwrap();
    payments
        .emit("grace", &Payment { cents: 500 })
        .await
        .unwrap();
    eventually("the balances are right", || {
        owes("ada") == 190 && owes("grace") == -500
    })
    .await;
    running.stop().await;
    drop((payments, balances));

    // The next process goes on from the state.
    let mut service = shop.connect().await;
    let payments = service.accounts().customer_id_payment_source();
    payments.emit("ada", &Payment { cents: 190 }).await.unwrap();
    let running = keeping_accounts(service);
    let balances = "shop.customerId.balance";
    let records = kafka.read_all::<Balance>(balances, 4).await;
    let mut ada = records.iter().filter(|(customer, _)| customer == "ada");
    assert_eq!(ada.next_back().unwrap().1, Balance { cents: 0 });
    running.stop().await;
}

async fn an_output_is_the_input_of_another_processor(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let kafka = &shop.kafka;
    kafka.create("taxService.countryCode.rate", 2).await;
    let mut service = shop.connect().await;
    kafka
        .write("taxService.countryCode.rate", "DE", &Rate { percent: 19 })
        .await;
    kafka
        .write("shop.productId.price", "teapot", &Price { cents: 1000 })
        .await;
    let home = Address {
        text: "London".to_owned(),
    };
    kafka.write("shop.customerId.address", "ada", &home).await;

    service
        .orders()
        .register_checkout_processor(Checkout)
        .unwrap();
    service
        .orders()
        .register_dispatch_processor(Dispatch)
        .unwrap();
    let orders = service.orders().customer_id_order_source();
    let running = Running::start(service);
    for product in ["teapot", "dragon"] {
        let order = Order {
            product: product.to_owned(),
            quantity: 1,
            country: "DE".to_owned(),
        };
        orders.emit("ada", &order).await.unwrap();
    }
    let parcel = Parcel {
        product: "teapot".to_owned(),
        address: "London".to_owned(),
    };
    assert_eq!(
        kafka.read_all("shop.customerId.parcel", 1).await,
        [("ada".to_owned(), parcel)]
    );
    let rejection = Rejection {
        reason: "dragon is not for sale".to_owned(),
    };
    assert_eq!(
        kafka.read_all("shop.customerId.rejection", 1).await,
        [("ada".to_owned(), rejection)]
    );
    running.stop().await;
}

async fn an_input_is_a_topic_of_another_service(kafka: Kafka) {
    const DELIVERIES: &str = "carrierService.customerId.delivery";
    let shop = Shop::on(kafka);
    let kafka = &shop.kafka;
    // Other partitions than the shop's own topics have.
    kafka.create(DELIVERIES, 3).await;
    let mut service = shop.connect().await;
    service
        .warehouse()
        .register_tracking_processor(Tracking)
        .unwrap();
    let running = Running::start(service);
    for customer in ["ada", "grace"] {
        let recipient = format!("{customer}'s neighbour");
        kafka
            .write(DELIVERIES, customer, &Delivery { recipient })
            .await;
    }
    let mut arrivals = kafka.read_all("shop.customerId.arrival", 2).await;
    arrivals.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    let expected = ["ada", "grace"].map(|customer| {
        let text = format!("handed over to {customer}'s neighbour");
        (customer.to_owned(), Arrival { text })
    });
    assert_eq!(arrivals, expected);
    kafka.committed("shop.warehouse.tracking", DELIVERIES).await;
    running.stop().await;
}
