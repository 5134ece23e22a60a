//! The handlers of the processor `checkout`: lookups, and several outputs.

use crate::definitions::models::{Invoice, Order, Rejection};
use crate::definitions::orders;

/// Prices orders.
#[derive(Debug, Clone, Copy)]
pub struct Checkout;

impl orders::CheckoutProcessor for Checkout {
    async fn handle_customer_id_order(
        &self,
        ctx: &mut orders::CheckoutContext<'_>,
        order: Order,
    ) -> kafmesh::Result<()> {
        let Some(price) = ctx.lookup_product_id_price(&order.product)? else {
            return reject(ctx, format!("{} is not for sale", order.product));
        };
        let Some(tax) = ctx.lookup_tax_service_country_code_rate(&order.country)? else {
            return reject(ctx, format!("nothing is delivered to {}", order.country));
        };
        let net = price.cents * u64::from(order.quantity);
        let invoice = Invoice {
            product: order.product,
            cents: net + net * u64::from(tax.percent) / 100,
        };
        ctx.output_customer_id_invoice(ctx.key(), &invoice);
        Ok(())
    }
}

fn reject(ctx: &mut orders::CheckoutContext<'_>, reason: String) -> kafmesh::Result<()> {
    ctx.output_customer_id_rejection(ctx.key(), &Rejection { reason });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::models::{Price, Rate};

    fn two_teapots() -> Order {
        Order {
            product: "teapot".to_owned(),
            quantity: 2,
            country: "DE".to_owned(),
        }
    }

    /// The tables are what the test says they are.
    #[tokio::test]
    async fn an_order_costs_its_price_and_the_tax_of_its_country() -> kafmesh::Result<()> {
        let mut test = orders::CheckoutTest::new(Checkout);
        test.set_lookup_product_id_price("teapot", Price { cents: 1000 });
        test.set_lookup_tax_service_country_code_rate("DE", Rate { percent: 19 });
        test.customer_id_order("ada", two_teapots()).await?;
        let invoice = Invoice {
            product: "teapot".to_owned(),
            cents: 2380,
        };
        assert_eq!(test.outputs().customer_id_invoice(), [("ada", invoice)]);
        assert_eq!(test.outputs().customer_id_rejection(), []);
        Ok(())
    }

    #[tokio::test]
    async fn what_is_not_in_the_tables_cannot_be_sold() -> kafmesh::Result<()> {
        let mut test = orders::CheckoutTest::new(Checkout);
        test.customer_id_order("ada", two_teapots()).await?;
        test.set_lookup_product_id_price("teapot", Price { cents: 1000 });
        test.customer_id_order("ada", two_teapots()).await?;
        test.set_lookup_tax_service_country_code_rate("DE", Rate { percent: 19 });
        test.remove_lookup_product_id_price("teapot");
        test.customer_id_order("ada", two_teapots()).await?;
        let reasons: Vec<_> = test
            .outputs()
            .customer_id_rejection()
            .into_iter()
            .map(|(_, rejection)| rejection.reason)
            .collect();
        assert_eq!(
            reasons,
            [
                "teapot is not for sale",
                "nothing is delivered to DE",
                "teapot is not for sale"
            ]
        );
        assert_eq!(test.outputs().customer_id_invoice(), []);
        Ok(())
    }
}
