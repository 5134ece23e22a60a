//! A view source or view sink in one process: synchronises at the schedule while it is this
//! process's turn.
//!
//! The first sync is made at once. One that fails is tried again at the next interval, one that is
//! ended because another process takes over is made there. A stop ends a sync where it stands.
//!
//! Who takes over compares with what the topic holds then, so what this process has emitted must not
//! arrive later:
//!
//! | what happens | what becomes of what was emitted and is not acknowledged |
//! |---|---|
//! | the turn is revoked | it is waited for before the turn is given up, and given up itself after 240 s |
//! | the turn is lost | it is given up: another process may have it already |
//! | the service stops | it is waited for before the group is left, within the shutdown timeout |

use std::pin::pin;

use tokio::time::{Instant, sleep_until, timeout};

use super::leadership::{DECIDES, Leadership, ends};
use super::schedule::Schedule;
use crate::error::{Error, Result};
use crate::halt::Halt;
use crate::kafka::{Cluster, GroupEvent, REVOCATION};
use crate::observe::{Held, Observed};

/// What is done at each sync.
pub(crate) trait Job: Send + 'static {
    /// Synchronises once. The future may be dropped at any time.
    fn sync(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// Resolves when nothing that syncs have emitted is under way, even of one that was dropped.
    fn settled(&mut self) -> impl Future<Output = ()> + Send;

    /// Gives up what is under way: none of it is sent once this returns.
    fn give_up(&mut self) -> impl Future<Output = Result<()>> + Send;
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
            if ends(&event) {
                self.settle(&event).await?;
            }
            leadership.answer(event).await?;
            _held = leadership.leads().then(|| self.observed.hold(DECIDES));
            _held.iter().for_each(Held::restored);
            self.observed.partitions.started();
        }
        self.job.settled().await;
        leadership.leave().await;
        Ok(())
    }

    /// Lets nothing that was emitted arrive after `event`, which ends the leadership, is answered.
    async fn settle(&mut self, event: &GroupEvent) -> Result<()> {
        if matches!(event, GroupEvent::Revoked(_)) {
            if timeout(REVOCATION, self.job.settled()).await.is_ok() {
                return Ok(());
            }
            tracing::warn!(object = %self.title, "what a sync has emitted did not arrive within {REVOCATION:?} of a revocation; it is given up");
        }
        self.job.give_up().await
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
                        let why = match &event {
                            GroupEvent::Failed(_) => "the membership in its group failed",
                            _ => "its turn may be another process's now",
                        };
                        tracing::info!(object = %self.title, "a sync was ended: {why}");
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::kafka::mock_with;
    use crate::observe::Counts;

    /// Its syncs do not end, and what they have emitted takes a while to arrive.
    struct Emitting {
        name: &'static str,
        story: Story,
    }

    #[derive(Clone, Default)]
    struct Story(Arc<Mutex<Vec<(&'static str, &'static str)>>>);

    impl Story {
        fn add(&self, name: &'static str, what: &'static str) {
            self.0.lock().unwrap().push((name, what));
        }

        fn syncs(&self) -> usize {
            let story = self.0.lock().unwrap();
            story.iter().filter(|(_, what)| *what == "began").count()
        }
    }

    impl Job for Emitting {
        async fn sync(&mut self) -> Result<()> {
            self.story.add(self.name, "began");
            std::future::pending().await
        }

        async fn settled(&mut self) {
            tokio::time::sleep(Duration::from_millis(300)).await;
            self.story.add(self.name, "settled");
        }

        async fn give_up(&mut self) -> Result<()> {
            self.story.add(self.name, "gave up");
            Ok(())
        }
    }

    fn member(cluster: &Cluster, name: &'static str, story: &Story) -> Member<Emitting> {
        Member {
            job: Emitting {
                name,
                story: story.clone(),
            },
            title: name.to_owned(),
            group: "g",
            topic: "t",
            schedule: Schedule::every(Duration::from_secs(3600)),
            cluster: cluster.clone(),
            observed: Observed::new(Counts::new([], [])),
        }
    }

    async fn until_syncs(story: &Story, count: usize) {
        let reached = async {
            while story.syncs() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_secs(60), reached).await.unwrap();
    }

    /// Lets a second process join while the first synchronises, which stops then if `stops`.
    async fn takes_over(stops: bool) {
        // The mock broker waits for a session's time whenever a member comes or goes.
        let session = [
            ("session.timeout.ms", "4000"),
            ("heartbeat.interval.ms", "200"),
        ];
        let (_broker, cluster) = mock_with(&session);
        let (story, halts) = (Story::default(), [Halt::default(), Halt::default()]);
        let run = |name, halt: &Halt| {
            let (member, halt) = (member(&cluster, name, &story), halt.clone());
            tokio::spawn(async move { member.run(halt).await })
        };
        let first = run("first", &halts[0]);
        until_syncs(&story, 1).await;
        let second = run("second", &halts[1]);
        if stops {
            halts[0].stop();
        }
        until_syncs(&story, 2).await;
        let told = story.0.lock().unwrap().clone();
        // Without a stop, the turn may come back to the first.
        let next = if stops { "second" } else { told[2].0 };
        assert_eq!(
            told,
            [("first", "began"), ("first", "settled"), (next, "began")]
        );
        halts.iter().for_each(Halt::stop);
        first.await.unwrap().unwrap();
        second.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_turn_is_given_up_when_what_was_emitted_has_arrived() {
        takes_over(false).await;
    }

    #[tokio::test]
    async fn a_stop_leaves_the_group_when_what_was_emitted_has_arrived() {
        takes_over(true).await;
    }
}
