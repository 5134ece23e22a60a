//! The persistence of a component: state that its processors share.

use kafmesh_objects::definitions::Service;
use kafmesh_objects::definitions::models::{Payment, Redemption, Voucher};
use kafmesh_objects::{Bonus, Earning, Spending};

use crate::kafka::Kafka;
use crate::support::{Running, Shop};

on_both_brokers!(what_one_processor_saves_the_others_see);

const VOUCHERS: &str = "shop.customerId.voucher";

fn being_loyal(mut service: Service) -> Running {
    service
        .loyalty()
        .register_processors(Earning, Bonus, Spending)
        .unwrap();
    Running::start(service)
}

fn worth(vouchers: &[(String, Voucher)]) -> Vec<u64> {
    vouchers.iter().map(|(_, voucher)| voucher.cents).collect()
}

async fn what_one_processor_saves_the_others_see(kafka: Kafka) {
    let shop = Shop::on(kafka);
    let mut service = shop.connect().await;
    let payments = service.accounts().customer_id_payment_source();
    let redemptions = service.loyalty().customer_id_redemption_source();
    let running = being_loyal(service);

    // One record is an input of two of them: the second sees what the first has saved for it.
    for cents in [6_000, 6_000, 6_000] {
        payments.emit("ada", &Payment { cents }).await.unwrap();
    }
    let vouchers = shop.kafka.read_all(VOUCHERS, 1).await;
    assert_eq!(worth(&vouchers), [500]);
    shop.kafka
        .committed("shop.loyalty", "shop.customerId.payment")
        .await;

    // The third has another input and the same state.
    redemptions
        .emit("ada", &Redemption { points: 100 })
        .await
        .unwrap();
    let vouchers = shop.kafka.read_all(VOUCHERS, 2).await;
    assert_eq!(worth(&vouchers), [500, 100]);
    running.stop().await;
    drop((payments, redemptions));

    // So it is in the next process.
    let mut service = shop.connect().await;
    let redemptions = service.loyalty().customer_id_redemption_source();
    let running = being_loyal(service);
    redemptions
        .emit("ada", &Redemption { points: 100 })
        .await
        .unwrap();
    let vouchers = shop.kafka.read_all(VOUCHERS, 3).await;
    assert_eq!(worth(&vouchers), [500, 100, 80]);
    running.stop().await;
}
