//! The handlers of the processor `enrichment` of the component `heartbeats`.

use crate::definitions::heartbeats::{EnrichmentContext, EnrichmentProcessor};
use crate::definitions::models::device_id::{EnrichedHeartbeat, Heartbeat};

/// Adds the customer to heartbeats, and drops those of devices without one.
#[derive(Debug, Clone, Copy)]
pub struct HeartbeatEnrichment;

impl EnrichmentProcessor for HeartbeatEnrichment {
    async fn handle_device_id_heartbeat(
        &self,
        ctx: &mut EnrichmentContext<'_>,
        heartbeat: Heartbeat,
    ) -> kafmesh::Result<()> {
        let Some(customer) = ctx.join_device_id_customer()? else {
            return Ok(());
        };
        let Some(owner) = ctx.lookup_customer_id_details(&customer.customer_id)? else {
            return Ok(());
        };
        let enriched = EnrichedHeartbeat {
            heartbeat: Some(heartbeat),
            customer_id: customer.customer_id,
            customer_name: owner.name,
        };
        ctx.output_device_id_enriched_heartbeat(ctx.key(), &enriched);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::heartbeats::EnrichmentTest;
    use crate::definitions::models::{customer_id, device_id::Customer};

    const HEARTBEAT: Heartbeat = Heartbeat {
        battery_percent: 80,
    };

    /// A test in which `device-1` has a customer that is known.
    fn test() -> EnrichmentTest<HeartbeatEnrichment> {
        let mut test = EnrichmentTest::new(HeartbeatEnrichment);
        let customer_id = "customer-1".to_owned();
        test.set_join_device_id_customer("device-1", Customer { customer_id });
        let name = "Ada's Bikes".to_owned();
        test.set_lookup_customer_id_details("customer-1", customer_id::Details { name });
        test
    }

    #[tokio::test]
    async fn a_heartbeat_gets_its_customer() -> kafmesh::Result<()> {
        let mut test = test();
        test.device_id_heartbeat("device-1", HEARTBEAT).await?;
        let enriched = EnrichedHeartbeat {
            heartbeat: Some(HEARTBEAT),
            customer_id: "customer-1".to_owned(),
            customer_name: "Ada's Bikes".to_owned(),
        };
        assert_eq!(
            test.outputs().device_id_enriched_heartbeat(),
            [("device-1", enriched)]
        );
        Ok(())
    }

    #[tokio::test]
    async fn a_heartbeat_without_a_customer_is_dropped() -> kafmesh::Result<()> {
        let mut test = test();
        test.device_id_heartbeat("device-2", HEARTBEAT).await?;
        test.remove_join_device_id_customer("device-1");
        test.device_id_heartbeat("device-1", HEARTBEAT).await?;
        assert_eq!(test.outputs().device_id_enriched_heartbeat_records(), []);
        Ok(())
    }

    #[tokio::test]
    async fn a_heartbeat_of_a_customer_without_details_is_dropped() -> kafmesh::Result<()> {
        let mut test = test();
        test.remove_lookup_customer_id_details("customer-1");
        test.device_id_heartbeat("device-1", HEARTBEAT).await?;
        assert_eq!(test.outputs().device_id_enriched_heartbeat_records(), []);
        Ok(())
    }
}
