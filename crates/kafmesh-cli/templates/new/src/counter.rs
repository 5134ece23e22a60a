//! The handlers of the processor `total clicks`.

use crate::definitions::clicks;
use crate::definitions::models::{Click, TotalClicks};

/// Adds one to a user's total with every click.
pub struct Counter;

impl clicks::TotalClicksProcessor for Counter {
    async fn handle_user_id_click(
        &self,
        ctx: &mut clicks::TotalClicksContext<'_>,
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

    // The handlers alone: no broker, no waiting.
    #[tokio::test]
    async fn every_click_is_counted_for_its_user() -> kafmesh::Result<()> {
        let mut test = clicks::TotalClicksTest::new(Counter);
        test.user_id_click("user-1", Click::default()).await?;
        test.user_id_click("user-2", Click::default()).await?;
        test.user_id_click("user-1", Click::default()).await?;
        assert_eq!(
            test.outputs().user_id_total_clicks(),
            [
                ("user-1", TotalClicks { count: 1 }),
                ("user-2", TotalClicks { count: 1 }),
                ("user-1", TotalClicks { count: 2 }),
            ]
        );
        assert_eq!(test.state("user-1")?, Some(TotalClicksState { count: 2 }));
        Ok(())
    }

    // The whole service: what a source emits comes out in a view.
    #[tokio::test]
    async fn the_view_shows_the_totals() -> kafmesh::Result<()> {
        let mut test = ServiceTest::new();
        crate::register(&mut test)?;
        let source = test.clicks().user_id_click_source();
        let totals = test.clicks().user_id_total_clicks_view()?;
        for user in ["user-1", "user-2", "user-1"] {
            source.emit(user, &Click { page: "/".to_owned() }).await?;
        }
        test.settle().await?;
        assert_eq!(totals.get("user-1")?, Some(TotalClicks { count: 2 }));
        assert_eq!(totals.get("user-3")?, None);
        Ok(())
    }
}
