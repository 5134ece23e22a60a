//! The handlers of the processor `ledger`: several inputs that share the state of their key.

use crate::definitions::accounts;
use crate::definitions::models::{Account, Balance, Invoice, Payment};

/// Keeps the customers' accounts.
#[derive(Debug, Clone, Copy)]
pub struct Ledger;

impl accounts::LedgerProcessor for Ledger {
    async fn handle_customer_id_invoice(
        &self,
        ctx: &mut accounts::LedgerContext<'_>,
        invoice: Invoice,
    ) -> kafmesh::Result<()> {
        let mut account = ctx.state()?;
        account.invoiced_cents += invoice.cents;
        save(ctx, account);
        Ok(())
    }

    async fn handle_customer_id_payment(
        &self,
        ctx: &mut accounts::LedgerContext<'_>,
        payment: Payment,
    ) -> kafmesh::Result<()> {
        let mut account = ctx.state()?;
        account.paid_cents += payment.cents;
        save(ctx, account);
        Ok(())
    }
}

fn save(ctx: &mut accounts::LedgerContext<'_>, account: Account) {
    let cents = account.invoiced_cents.cast_signed() - account.paid_cents.cast_signed();
    ctx.output_customer_id_balance(ctx.key(), &Balance { cents });
    ctx.save_state(account);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn payments_are_taken_off_what_was_invoiced() -> kafmesh::Result<()> {
        let invoice = |cents| Invoice {
            product: "teapot".to_owned(),
            cents,
        };
        let mut test = accounts::LedgerTest::new(Ledger);
        test.customer_id_invoice("ada", invoice(1190)).await?;
        test.customer_id_payment("ada", Payment { cents: 1000 })
            .await?;
        test.customer_id_payment("grace", Payment { cents: 500 })
            .await?;
        assert_eq!(
            test.outputs().customer_id_balance(),
            [
                ("ada", Balance { cents: 1190 }),
                ("ada", Balance { cents: 190 }),
                ("grace", Balance { cents: -500 })
            ]
        );
        let account = Account {
            invoiced_cents: 1190,
            paid_cents: 1000,
        };
        assert_eq!(test.state("ada")?, Some(account));
        Ok(())
    }
}
