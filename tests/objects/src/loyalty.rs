//! The handlers of the component `loyalty`, whose processors share one state per customer.

use crate::definitions::loyalty;
use crate::definitions::models::{Payment, Redemption, Voucher};

/// Gives a point for every euro.
#[derive(Debug, Clone, Copy)]
pub struct Earning;

impl loyalty::EarningProcessor for Earning {
    async fn handle_customer_id_payment(
        &self,
        ctx: &mut loyalty::EarningContext<'_>,
        payment: Payment,
    ) -> kafmesh::Result<()> {
        let mut state = ctx.state()?;
        state.points += payment.cents / 100;
        ctx.save_state(state);
        Ok(())
    }
}

/// Gives a voucher for the first hundred points.
#[derive(Debug, Clone, Copy)]
pub struct Bonus;

impl loyalty::BonusProcessor for Bonus {
    async fn handle_customer_id_payment(
        &self,
        ctx: &mut loyalty::BonusContext<'_>,
        _payment: Payment,
    ) -> kafmesh::Result<()> {
        // `earning` stands first in the definition, so the points of this payment are among these.
        let mut state = ctx.state()?;
        if state.points >= 100 && !state.bonus_given {
            state.bonus_given = true;
            ctx.save_state(state);
            ctx.output_customer_id_voucher(ctx.key(), &Voucher { cents: 500 });
        }
        Ok(())
    }
}

/// Takes points for vouchers.
#[derive(Debug, Clone, Copy)]
pub struct Spending;

impl loyalty::SpendingProcessor for Spending {
    async fn handle_customer_id_redemption(
        &self,
        ctx: &mut loyalty::SpendingContext<'_>,
        redemption: Redemption,
    ) -> kafmesh::Result<()> {
        let mut state = ctx.state()?;
        // Who has too few points gets what they are worth.
        let points = redemption.points.min(state.points);
        if points > 0 {
            state.points -= points;
            ctx.save_state(state);
            ctx.output_customer_id_voucher(ctx.key(), &Voucher { cents: points });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::ServiceTest;
    use crate::definitions::models::Points;

    /// Each processor has a driver of its own; the test says what the others have left.
    #[tokio::test]
    async fn a_processor_is_tested_by_itself() -> kafmesh::Result<()> {
        let mut test = loyalty::SpendingTest::new(Spending);
        let earned = Points {
            points: 30,
            ..Points::default()
        };
        test.set_state("ada", earned);
        test.customer_id_redemption("ada", Redemption { points: 50 })
            .await?;
        assert_eq!(
            test.outputs().customer_id_voucher(),
            [("ada", Voucher { cents: 30 })]
        );
        assert_eq!(test.state("ada")?, Some(Points::default()));
        Ok(())
    }

    /// How they work together shows in the test of the service.
    #[tokio::test]
    async fn what_one_earns_the_others_see() -> kafmesh::Result<()> {
        let mut test = ServiceTest::new();
        test.loyalty()
            .register_processors(Earning, Bonus, Spending)?;
        let payments = test.accounts().customer_id_payment_source();
        let redemptions = test.loyalty().customer_id_redemption_source();
        for cents in [6_000, 6_000, 6_000] {
            payments.emit("ada", &Payment { cents }).await?;
        }
        test.settle().await?;
        redemptions
            .emit("ada", &Redemption { points: 1000 })
            .await?;
        test.settle().await?;
        let vouchers = test.records::<Voucher>("shop.customerId.voucher")?;
        let cents: Vec<_> = vouchers
            .into_iter()
            .map(|record| record.value.unwrap_or_default().cents)
            .collect();
        assert_eq!(cents, [500, 180]);
        Ok(())
    }
}
