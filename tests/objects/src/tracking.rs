//! The handler of the processor `tracking`, whose input is a topic of another service.

use crate::definitions::models::{Arrival, Delivery};
use crate::definitions::warehouse;

/// Passes on what the carrier tells.
#[derive(Debug, Clone, Copy)]
pub struct Tracking;

impl warehouse::TrackingProcessor for Tracking {
    async fn handle_carrier_service_customer_id_delivery(
        &self,
        ctx: &mut warehouse::TrackingContext<'_>,
        delivery: Delivery,
    ) -> kafmesh::Result<()> {
        let text = format!("handed over to {}", delivery.recipient);
        ctx.output_customer_id_arrival(ctx.key(), &Arrival { text });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn customers_are_told_of_deliveries() -> kafmesh::Result<()> {
        let mut test = warehouse::TrackingTest::new(Tracking);
        let recipient = "a neighbour".to_owned();
        test.carrier_service_customer_id_delivery("ada", Delivery { recipient })
            .await?;
        let text = "handed over to a neighbour".to_owned();
        assert_eq!(
            test.outputs().customer_id_arrival(),
            [("ada", Arrival { text })]
        );
        Ok(())
    }
}
