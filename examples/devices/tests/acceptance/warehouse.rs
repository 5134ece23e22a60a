//! The warehouse on PostgreSQL; on SQLite it is tested beside its code.

use devices::definitions::models::device_id::Heartbeat;
use devices::warehouse::{Entry, Warehouse};

use crate::fleet::unique;
use crate::service::database;

fn heartbeat(device_id: &str, time: i64, battery_percent: u32) -> Entry<Heartbeat> {
    Entry {
        device_id: device_id.to_owned(),
        time,
        customer_id: "customer-1".to_owned(),
        customer_name: "Ada's Bikes".to_owned(),
        report: Heartbeat { battery_percent },
    }
}

#[tokio::test]
async fn a_batch_that_is_written_twice_changes_nothing() {
    // Together, as processes that start at the same time: the tables are made once.
    let url = database();
    let (warehouse, other) = tokio::join!(Warehouse::connect(&url), Warehouse::connect(&url));
    let (warehouse, other) = (warehouse.unwrap(), other.unwrap());
    let device = unique("device");
    // More than one statement takes, and one row twice.
    let batch: Vec<_> = (0..2500)
        .map(|time| heartbeat(&device, time, 50))
        .chain([heartbeat(&device, 2499, 40)])
        .collect();
    warehouse.save(batch.clone()).await.unwrap();
    let first = warehouse.history::<Heartbeat>(&device, 5000).await.unwrap();
    other.save(batch).await.unwrap();
    let second = other.history::<Heartbeat>(&device, 5000).await.unwrap();
    assert_eq!(first.len(), 2500);
    assert_eq!(first[0], heartbeat(&device, 2499, 40));
    assert_eq!(first, second);
}
