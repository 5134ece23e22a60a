//! Whose turn it is to synchronise: one process at a time, the member of the group that is assigned
//! partition 0 of the topic. Nothing is read through the group.

use tokio::time::timeout;

use crate::error::Result;
use crate::kafka::{Cluster, GroupConsumer, GroupEvent, LEAVING, TopicPartition};

/// The partition whose member it is.
pub(super) const DECIDES: i32 = 0;

pub(super) struct Leadership {
    consumer: GroupConsumer,
    /// As what is synchronised is called in messages to people.
    title: String,
    leads: bool,
}

impl Leadership {
    pub(super) fn join(cluster: &Cluster, group: &str, topic: &str, title: &str) -> Result<Self> {
        Ok(Self {
            consumer: cluster.group_consumer(group, &[topic])?,
            title: title.to_owned(),
            leads: false,
        })
    }

    pub(super) fn leads(&self) -> bool {
        self.leads
    }

    /// Waits for the next event of the group, which wants an [`answer`](Self::answer).
    pub(super) async fn next(&mut self) -> GroupEvent {
        self.consumer.next_event().await
    }

    /// Answers an event. When one ends the leadership, a sync under way must have ended before.
    pub(super) async fn answer(&mut self, event: GroupEvent) -> Result<()> {
        let led = self.leads;
        if ends(&event) {
            self.leads = false;
        }
        match event {
            GroupEvent::Assigned(partitions) => {
                self.leads |= decide(&partitions);
                self.consumer.accept(&[]).await?;
            }
            GroupEvent::Revoked(partitions) | GroupEvent::Lost(partitions) => {
                self.consumer.release(&partitions).await?;
            }
            GroupEvent::Failed(error) => return Err(error),
        }
        if led != self.leads {
            tracing::info!(object = %self.title, leads = self.leads, "synchronising is this process's turn, or no more");
        }
        Ok(())
    }

    /// Leaves the group, so that another process takes over.
    pub(super) async fn leave(self) {
        // If the brokers do not answer, the group finds out by itself.
        let _ = timeout(LEAVING, self.consumer.close()).await;
    }
}

/// Whether `event` ends a leadership.
pub(super) fn ends(event: &GroupEvent) -> bool {
    match event {
        GroupEvent::Assigned(_) => false,
        GroupEvent::Revoked(partitions) | GroupEvent::Lost(partitions) => decide(partitions),
        GroupEvent::Failed(_) => true,
    }
}

fn decide(partitions: &[TopicPartition]) -> bool {
    partitions.iter().any(|at| at.partition == DECIDES)
}
