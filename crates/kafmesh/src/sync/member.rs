//! A view source or view sink in one process: synchronises at the schedule while it is this
//! process's turn.
//!
//! The first sync is made at once. One that fails is tried again at the next interval, one that is
//! ended because another process takes over is made there. A stop ends a sync where it stands.

use std::pin::pin;

use tokio::time::{Instant, sleep_until};

use super::leadership::{DECIDES, Leadership, ends};
use super::schedule::Schedule;
use crate::error::{Error, Result};
use crate::halt::Halt;
use crate::kafka::{Cluster, GroupEvent};
use crate::observe::{Held, Observed};

/// What is done at each sync.
pub(crate) trait Job: Send + 'static {
    /// Synchronises once. The future may be dropped at any time.
    fn sync(&mut self) -> impl Future<Output = Result<()>> + Send;
}

/// A view source or view sink ready to run.
pub(crate) struct Member<J: Job> {
    pub(crate) job: J,
    /// As it is called in messages to people.
    pub(crate) title: String,
    pub(crate) group: &'static str,
    pub(crate) topic: &'static str,
    pub(crate) schedule: Schedule,
    pub(crate) cluster: Cluster,
    pub(crate) observed: Observed,
}

/// Why a sync is not under way any more.
enum End {
    /// It succeeded or failed.
    Over,
    /// The service stops.
    Stop,
    /// The group's event ends the leadership.
    Moved(GroupEvent),
}

impl<J: Job> Member<J> {
    /// Runs until the service stops.
    pub(crate) async fn run(mut self, halt: Halt) -> Result<()> {
        let lived = self.live(&halt).await;
        self.observed.partitions.ended();
        lived.map_err(|error| Error::Stopped {
            object: self.title,
            source: Box::new(error),
        })
    }

    async fn live(&mut self, halt: &Halt) -> Result<()> {
        let mut leadership = Leadership::join(&self.cluster, self.group, self.topic, &self.title)?;
        let mut due = Instant::now();
        // Seen from outside, who leads holds the partition that decides.
        let mut _held = None;
        loop {
            let event = tokio::select! {
                biased;
                () = halt.asked() => break,
                event = leadership.next() => event,
                () = sleep_until(due), if leadership.leads() => {
                    due = Instant::now() + self.schedule.every;
                    match self.synchronise(&mut leadership, halt).await? {
                        End::Over => continue,
                        End::Stop => break,
                        End::Moved(event) => {
                            due = Instant::now();
                            event
                        }
                    }
                }
            };
            leadership.answer(event).await?;
            _held = leadership.leads().then(|| self.observed.hold(DECIDES));
            _held.iter().for_each(Held::restored);
            self.observed.partitions.started();
        }
        leadership.leave().await;
        Ok(())
    }

    async fn synchronise(&mut self, leadership: &mut Leadership, halt: &Halt) -> Result<End> {
        let began = Instant::now();
        let mut sync = pin!(self.job.sync());
        let ended = loop {
            tokio::select! {
                biased;
                () = halt.asked() => return Ok(End::Stop),
                event = leadership.next() => {
                    if ends(&event) {
                        tracing::info!(object = %self.title, "a sync was ended: another process takes over");
                        return Ok(End::Moved(event));
                    }
                    leadership.answer(event).await?;
                }
                ended = &mut sync => break ended,
            }
        };
        let took = began.elapsed();
        let seconds = took.as_secs_f64();
        self.observed.counts.runs.took(took);
        match ended {
            Ok(()) => tracing::info!(object = %self.title, seconds, "synchronised"),
            Err(error) => {
                self.observed.counts.errors.add(1);
                tracing::warn!(object = %self.title, seconds, %error, "a sync failed; another is made at the next interval");
            }
        }
        Ok(End::Over)
    }
}
