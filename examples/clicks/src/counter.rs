//! The handlers of the processor `total clicks`.

use crate::definitions::math;
use crate::definitions::models::{Click, TotalClicks};

/// Adds one to a user's total with every click.
#[derive(Debug, Clone, Copy)]
pub struct Counter;

impl math::TotalClicksProcessor for Counter {
    async fn handle_user_id_click(
        &self,
        ctx: &mut math::TotalClicksContext<'_>,
        _click: Click,
    ) -> kafmesh::Result<()> {
        let mut state = ctx.state()?;
        state.count += 1;
        ctx.output_user_id_total_clicks(ctx.key(), &TotalClicks { count: state.count });
        ctx.save_state(state);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::ServiceTest;
    use crate::definitions::models::TotalClicksState;

    #[tokio::test]
    async fn every_click_is_counted_for_its_user() -> kafmesh::Result<()> {
        let mut test = math::TotalClicksTest::new(Counter);
        test.user_id_click("user-1", Click::default()).await?;
        test.user_id_click("user-2", Click::default()).await?;
        test.user_id_click("user-1", Click::default()).await?;
        assert_eq!(
            test.outputs().user_id_total_clicks(),
            [
                ("user-1", TotalClicks { count: 1 }),
                ("user-2", TotalClicks { count: 1 }),
                ("user-1", TotalClicks { count: 2 })
            ]
        );
        assert_eq!(test.state("user-1")?, Some(TotalClicksState { count: 2 }));
        assert_eq!(test.state("user-3")?, None);
        Ok(())
    }

    #[tokio::test]
    async fn counting_goes_on_from_the_stored_total() -> kafmesh::Result<()> {
        let mut test = math::TotalClicksTest::new(Counter);
        test.set_state("user-1", TotalClicksState { count: 41 });
        test.user_id_click("user-1", Click::default()).await?;
        assert_eq!(
            test.outputs().user_id_total_clicks(),
            [("user-1", TotalClicks { count: 42 })]
        );
        Ok(())
    }

    #[tokio::test]
    async fn the_view_shows_what_was_emitted_through_the_whole_service() -> kafmesh::Result<()> {
        let mut test = ServiceTest::new();
        test.math().register_total_clicks_processor(Counter)?;
        let clicks = test.math().user_id_click_source();
        let totals = test.math().user_id_total_clicks_view()?;
        for user in ["user-1", "user-2", "user-1"] {
            clicks
                .emit(
                    user,
                    &Click {
                        page: "/".to_owned(),
                    },
                )
                .await?;
        }
        test.settle().await?;
        assert_eq!(totals.get("user-1")?, Some(TotalClicks { count: 2 }));
        assert_eq!(totals.get("user-2")?, Some(TotalClicks { count: 1 }));
        assert_eq!(totals.get("user-3")?, None);
        Ok(())
    }

    #[tokio::test]
    async fn ten_thousand_records_go_through_the_driver() -> kafmesh::Result<()> {
        let mut test = math::TotalClicksTest::new(Counter);
        for n in 0..10_000 {
            test.user_id_click(&format!("user-{}", n % 100), Click::default())
                .await?;
        }
        assert_eq!(
            test.state("user-99")?,
            Some(TotalClicksState { count: 100 })
        );
        assert_eq!(test.outputs().user_id_total_clicks().len(), 10_000);
        Ok(())
    }
}
