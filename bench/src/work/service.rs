//! The kafmesh contenders: handlers as a user writes them, in a service as it is generated.

use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use kafmesh::Stopper;

use super::{Options, Progress};
use crate::definitions::models::{Click, TotalClicks, TotalClicksState};
use crate::definitions::{Service, clicks, joins};

/// Ends the service after the last record.
#[derive(Clone)]
struct End {
    progress: Arc<Progress>,
    stopper: Stopper,
}

impl End {
    fn handled(&self, partition: i32, offset: i64) {
        if self.progress.handled(partition, offset) {
            self.stopper.stop();
        }
    }
}

struct Counter(End);

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
        self.0.handled(ctx.partition(), ctx.offset());
        Ok(())
    }
}

struct Passer(End);

impl clicks::PassThroughProcessor for Passer {
    async fn handle_user_id_click(
        &self,
        ctx: &mut clicks::PassThroughContext<'_>,
        click: Click,
    ) -> kafmesh::Result<()> {
        ctx.output_user_id_click(ctx.key(), &click);
        self.0.handled(ctx.partition(), ctx.offset());
        Ok(())
    }
}

struct Joiner(End);

impl joins::JoinProcessor for Joiner {
    async fn handle_user_id_click(
        &self,
        ctx: &mut joins::JoinContext<'_>,
        _click: Click,
    ) -> kafmesh::Result<()> {
        let user = ctx.join_user_id_total_clicks()?.unwrap_or_default();
        let joined = TotalClicksState { count: user.count };
        ctx.output_user_id_total_clicks_state(ctx.key(), &joined);
        self.0.handled(ctx.partition(), ctx.offset());
        Ok(())
    }
}

struct Finder(End);

impl joins::LookupProcessor for Finder {
    async fn handle_user_id_click(
        &self,
        ctx: &mut joins::LookupContext<'_>,
        _click: Click,
    ) -> kafmesh::Result<()> {
        let user = ctx.lookup_user_id_total_clicks(ctx.key())?;
        let found = TotalClicksState {
            count: user.unwrap_or_default().count,
        };
        ctx.output_user_id_total_clicks_state(ctx.key(), &found);
        self.0.handled(ctx.partition(), ctx.offset());
        Ok(())
    }
}

/// Counts clicks per user; returns when the first was handled.
pub(super) fn count(options: &Options) -> Result<SystemTime> {
    run(options, |service, end| {
        service
            .clicks()
            .register_total_clicks_processor(Counter(end))
    })
}

/// Puts out what comes in; returns when the first record was handled.
pub(super) fn pass_through(options: &Options) -> Result<SystemTime> {
    run(options, |service, end| {
        service
            .clicks()
            .register_pass_through_processor(Passer(end))
    })
}

/// Joins clicks with the users' table; returns when the first record was handled.
pub(super) fn join(options: &Options) -> Result<SystemTime> {
    run(options, |service, end| {
        service.joins().register_join_processor(Joiner(end))
    })
}

/// Looks the clicks' users up; returns when the first record was handled.
pub(super) fn lookup(options: &Options) -> Result<SystemTime> {
    run(options, |service, end| {
        service.joins().register_lookup_processor(Finder(end))
    })
}

fn run(
    options: &Options,
    register: impl FnOnce(&mut Service, End) -> kafmesh::Result<()>,
) -> Result<SystemTime> {
    let progress = Arc::new(Progress::new(&options.ends)?);
    // The environment counts, so that the effect of a setting can be measured; the defaults are what is reported.
    let mut config = kafmesh::Config::from_env()?.with_state_dir(&options.state_dir);
    if std::env::var_os("KAFMESH_LISTEN").is_none() {
        config = config.with_listen(([127, 0, 0, 1], 0).into());
    }
    config.brokers.clone_from(&options.brokers);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut service = Service::connect(config).await?;
        let end = End {
            progress: Arc::clone(&progress),
            stopper: service.stopper(),
        };
        register(&mut service, end)?;
        service.run().await
    })?;
    progress.first().context("the service ended early")
}
