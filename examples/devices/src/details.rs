//! The handlers of the processor `enrichment` of the component `details`.

use crate::definitions::details::{EnrichmentContext, EnrichmentProcessor};
use crate::definitions::models::device_id::{Customer, Details, EnrichedDetails, KnownDetails};

/// Puts together what a device says and whose it is.
#[derive(Debug, Clone, Copy)]
pub struct DetailsEnrichment;

impl EnrichmentProcessor for DetailsEnrichment {
    async fn handle_device_id_details(
        &self,
        ctx: &mut EnrichmentContext<'_>,
        details: Details,
    ) -> kafmesh::Result<()> {
        let mut known = ctx.state()?;
        known.details = Some(details);
        publish(ctx, known)
    }

    async fn handle_device_id_details_delete(
        &self,
        ctx: &mut EnrichmentContext<'_>,
    ) -> kafmesh::Result<()> {
        let mut known = ctx.state()?;
        known.details = None;
        publish(ctx, known)
    }

    async fn handle_device_id_customer(
        &self,
        ctx: &mut EnrichmentContext<'_>,
        customer: Customer,
    ) -> kafmesh::Result<()> {
        let mut known = ctx.state()?;
        known.customer = Some(customer);
        publish(ctx, known)
    }

    async fn handle_device_id_customer_delete(
        &self,
        ctx: &mut EnrichmentContext<'_>,
    ) -> kafmesh::Result<()> {
        let mut known = ctx.state()?;
        known.customer = None;
        publish(ctx, known)
    }
}

/// Remembers what is known, and says it to all when that is everything; else what was said before no longer holds.
fn publish(ctx: &mut EnrichmentContext<'_>, mut known: KnownDetails) -> kafmesh::Result<()> {
    let enriched = enriched(ctx, &known)?;
    match &enriched {
        Some(details) => ctx.output_device_id_enriched_details(ctx.key(), details),
        // Only then is there anything to take back.
        None if known.published => ctx.delete_device_id_enriched_details(ctx.key()),
        None => {}
    }
    known.published = enriched.is_some();
    if known == KnownDetails::default() {
        ctx.delete_state();
    } else {
        ctx.save_state(known);
    }
    Ok(())
}

fn enriched(
    ctx: &EnrichmentContext<'_>,
    known: &KnownDetails,
) -> kafmesh::Result<Option<EnrichedDetails>> {
    let (Some(details), Some(customer)) = (&known.details, &known.customer) else {
        return Ok(None);
    };
    let owner = ctx.lookup_customer_id_details(&customer.customer_id)?;
    Ok(owner.map(|owner| EnrichedDetails {
        details: Some(details.clone()),
        customer_id: customer.customer_id.clone(),
        customer_name: owner.name,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::details::EnrichmentTest;
    use crate::definitions::models::customer_id;

    fn details() -> Details {
        Details {
            model: "tracker-2".to_owned(),
            firmware: "1.4.2".to_owned(),
        }
    }

    fn customer() -> Customer {
        Customer {
            customer_id: "customer-1".to_owned(),
        }
    }

    fn enriched() -> EnrichedDetails {
        EnrichedDetails {
            details: Some(details()),
            customer_id: "customer-1".to_owned(),
            customer_name: "Ada's Bikes".to_owned(),
        }
    }

    /// A test in which the customer is known.
    fn with_customer() -> EnrichmentTest<DetailsEnrichment> {
        let mut test = EnrichmentTest::new(DetailsEnrichment);
        let name = "Ada's Bikes".to_owned();
        test.set_lookup_customer_id_details("customer-1", customer_id::Details { name });
        test
    }

    #[tokio::test]
    async fn details_get_their_customer_whichever_comes_first() -> kafmesh::Result<()> {
        let mut test = with_customer();
        test.device_id_details("device-1", details()).await?;
        assert_eq!(test.outputs().device_id_enriched_details_records(), []);
        test.device_id_customer("device-1", customer()).await?;
        test.device_id_customer("device-2", customer()).await?;
        test.device_id_details("device-2", details()).await?;
        assert_eq!(
            test.outputs().device_id_enriched_details(),
            [("device-1", enriched()), ("device-2", enriched())]
        );
        Ok(())
    }

    #[tokio::test]
    async fn details_without_a_customer_are_remembered_only() -> kafmesh::Result<()> {
        let mut test = with_customer();
        test.device_id_details("device-1", details()).await?;
        assert_eq!(test.outputs().device_id_enriched_details_records(), []);
        let known = KnownDetails {
            details: Some(details()),
            customer: None,
            published: false,
        };
        assert_eq!(test.state("device-1")?, Some(known));
        Ok(())
    }

    #[tokio::test]
    async fn details_of_a_customer_without_details_are_remembered_only() -> kafmesh::Result<()> {
        let mut test = with_customer();
        test.remove_lookup_customer_id_details("customer-1");
        test.device_id_customer("device-1", customer()).await?;
        test.device_id_details("device-1", details()).await?;
        assert_eq!(test.outputs().device_id_enriched_details_records(), []);
        let known = KnownDetails {
            details: Some(details()),
            customer: Some(customer()),
            published: false,
        };
        assert_eq!(test.state("device-1")?, Some(known));
        Ok(())
    }

    #[tokio::test]
    async fn what_was_said_is_taken_back_once_with_the_customer() -> kafmesh::Result<()> {
        let mut test = with_customer();
        let known = KnownDetails {
            details: Some(details()),
            customer: Some(customer()),
            published: true,
        };
        test.set_state("device-1", known);
        test.device_id_customer_delete("device-1").await?;
        test.device_id_details("device-1", details()).await?;
        let outputs = test.outputs().device_id_enriched_details_records();
        let outputs: Vec<_> = outputs
            .iter()
            .map(|output| (output.key.as_str(), &output.value))
            .collect();
        assert_eq!(outputs, [("device-1", &None)]);
        Ok(())
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_device_of_which_nothing_is_known() -> kafmesh::Result<()> {
        let mut test = with_customer();
        test.device_id_details("device-1", details()).await?;
        test.device_id_details_delete("device-1").await?;
        assert_eq!(test.state("device-1")?, None);
        Ok(())
    }
}
