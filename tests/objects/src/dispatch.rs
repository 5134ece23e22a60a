//! The handlers of the processor `dispatch`: a join.

use crate::definitions::models::{Invoice, Parcel, Question};
use crate::definitions::orders;

/// Sends what was invoiced.
#[derive(Debug, Clone, Copy)]
pub struct Dispatch;

impl orders::DispatchProcessor for Dispatch {
    async fn handle_customer_id_invoice(
        &self,
        ctx: &mut orders::DispatchContext<'_>,
        invoice: Invoice,
    ) -> kafmesh::Result<()> {
        let product = invoice.product;
        // A join has the record's own key: this is the address of the customer who gets the invoice.
        match ctx.join_customer_id_address()? {
            Some(address) => {
                let address = address.text;
                ctx.output_customer_id_parcel(ctx.key(), &Parcel { product, address });
            }
            None => {
                let text = format!("where shall the {product} go?");
                ctx.output_customer_id_question(ctx.key(), &Question { text });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::models::Address;

    fn teapot() -> Invoice {
        Invoice {
            product: "teapot".to_owned(),
            cents: 1190,
        }
    }

    #[tokio::test]
    async fn a_parcel_goes_to_the_address_that_is_known_at_the_time() -> kafmesh::Result<()> {
        let mut test = orders::DispatchTest::new(Dispatch);
        for town in ["London", "Paris"] {
            test.set_join_customer_id_address(
                "ada",
                Address {
                    text: town.to_owned(),
                },
            );
            test.customer_id_invoice("ada", teapot()).await?;
        }
        let parcels = test.outputs().customer_id_parcel();
        let addresses: Vec<_> = parcels.iter().map(|(_, parcel)| &parcel.address).collect();
        assert_eq!(addresses, ["London", "Paris"]);
        Ok(())
    }

    #[tokio::test]
    async fn customers_without_an_address_are_asked() -> kafmesh::Result<()> {
        let mut test = orders::DispatchTest::new(Dispatch);
        let address = Address {
            text: "London".to_owned(),
        };
        test.set_join_customer_id_address("ada", address);
        test.customer_id_invoice("grace", teapot()).await?;
        test.remove_join_customer_id_address("ada");
        test.customer_id_invoice("ada", teapot()).await?;
        let questions = test.outputs().customer_id_question();
        let asked: Vec<_> = questions.iter().map(|(customer, _)| *customer).collect();
        assert_eq!(asked, ["grace", "ada"]);
        assert_eq!(questions[0].1.text, "where shall the teapot go?");
        assert_eq!(test.outputs().customer_id_parcel(), []);
        Ok(())
    }
}
