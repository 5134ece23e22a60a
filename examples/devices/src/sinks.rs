//! The sinks: enriched reports go into the warehouse.

use kafmesh::SinkRecord;

use crate::definitions::details::WarehouseSink as DetailsSink;
use crate::definitions::heartbeats::WarehouseSink as HeartbeatsSink;
use crate::definitions::models::device_id::{EnrichedDetails, EnrichedHeartbeat};
use crate::warehouse::{Entry, Warehouse, millis};

impl DetailsSink for Warehouse {
    async fn write(&mut self, batch: &[SinkRecord<EnrichedDetails>]) -> kafmesh::Result<()> {
        // A delete says that the device has no known customer any more; what it reported before stays true.
        let entries = batch.iter().filter_map(|record| {
            let enriched = record.value.clone()?;
            Some(Entry {
                device_id: record.key.clone(),
                time: millis(record.timestamp),
                customer_id: enriched.customer_id,
                customer_name: enriched.customer_name,
                report: enriched.details.unwrap_or_default(),
            })
        });
        self.save(entries).await.map_err(kafmesh::Error::handler)
    }
}

impl HeartbeatsSink for Warehouse {
    async fn write(&mut self, batch: &[SinkRecord<EnrichedHeartbeat>]) -> kafmesh::Result<()> {
        let entries = batch.iter().filter_map(|record| {
            let enriched = record.value.clone()?;
            Some(Entry {
                device_id: record.key.clone(),
                time: millis(record.timestamp),
                customer_id: enriched.customer_id,
                customer_name: enriched.customer_name,
                report: enriched.heartbeat.unwrap_or_default(),
            })
        });
        self.save(entries).await.map_err(kafmesh::Error::handler)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kafmesh::Batching;

    use super::*;
    use crate::definitions::details::WarehouseSinkTest as DetailsTest;
    use crate::definitions::heartbeats::WarehouseSinkTest as HeartbeatsTest;
    use crate::definitions::models::device_id::{Details, Heartbeat};

    async fn in_memory() -> Warehouse {
        Warehouse::connect("sqlite::memory:").await.unwrap()
    }

    fn details(firmware: &str) -> EnrichedDetails {
        EnrichedDetails {
            details: Some(Details {
                model: "tracker-2".to_owned(),
                firmware: firmware.to_owned(),
            }),
            customer_id: "customer-1".to_owned(),
            customer_name: "Ada's Bikes".to_owned(),
        }
    }

    fn heartbeat(battery_percent: u32) -> EnrichedHeartbeat {
        EnrichedHeartbeat {
            heartbeat: Some(Heartbeat { battery_percent }),
            customer_id: "customer-1".to_owned(),
            customer_name: "Ada's Bikes".to_owned(),
        }
    }

    #[tokio::test]
    async fn every_change_of_details_is_kept_with_its_time() -> kafmesh::Result<()> {
        let warehouse = in_memory().await;
        let mut test = DetailsTest::new(warehouse.clone(), Batching::default());
        let began = millis(test.now());
        test.send("device-1", details("1.4.2"));
        test.advance(Duration::from_millis(10));
        test.send("device-1", details("1.5.0"));
        test.flush().await?;
        let rows = warehouse.history::<Details>("device-1", 10).await.unwrap();
        let rows: Vec<_> = rows
            .iter()
            .map(|row| (row.time - began, row.report.firmware.as_str()))
            .collect();
        assert_eq!(rows, [(10, "1.5.0"), (0, "1.4.2")]);
        Ok(())
    }

    #[tokio::test]
    async fn what_was_stays_true_when_the_customer_goes() -> kafmesh::Result<()> {
        let warehouse = in_memory().await;
        let mut test = DetailsTest::new(warehouse.clone(), Batching::default());
        test.send("device-1", details("1.4.2"));
        test.send_delete("device-1");
        test.flush().await?;
        let rows = warehouse.history::<Details>("device-1", 10).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].customer_name, "Ada's Bikes");
        Ok(())
    }

    #[tokio::test]
    async fn heartbeats_are_written_when_a_batch_is_due() -> kafmesh::Result<()> {
        let warehouse = in_memory().await;
        let batching = Batching::default();
        let interval = batching.interval;
        let mut test = HeartbeatsTest::new(warehouse.clone(), batching);
        test.send("device-1", heartbeat(80));
        test.settle().await?;
        assert_eq!(
            warehouse
                .history::<Heartbeat>("device-1", 10)
                .await
                .unwrap(),
            []
        );
        test.advance(interval);
        test.settle().await?;
        let rows = warehouse
            .history::<Heartbeat>("device-1", 10)
            .await
            .unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(
            rows[0].report,
            Heartbeat {
                battery_percent: 80
            }
        );
        Ok(())
    }
}
