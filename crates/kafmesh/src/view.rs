//! Views: a local, complete, always current copy of a topic.

use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::try_join_all;
use prost::Message;
use tokio::sync::watch;

use crate::entries::Entries;
use crate::error::{Error, Result};
use crate::halt::Halt;
use crate::kafka::{Polled, Reader};
use crate::memory::Contents;
use crate::restore::{Extent, apply, extent, start_offsets};
use crate::store::Table;

/// A topic as a key/value table that follows it.
///
/// Cheap to clone; clones share the table. It must be complete before it is read:
/// [`ready`](Self::ready) waits for that, and reading earlier is an error rather than a wrong answer.
/// In tests, [`View::in_memory`] gives the same type without a broker.
///
/// ```
/// # #[derive(Clone, PartialEq, prost::Message)] struct Total { #[prost(uint64, tag = "1")] count: u64 }
/// # fn main() -> kafmesh::Result<()> {
/// let (totals, contents) = kafmesh::View::<Total>::in_memory();
/// contents.set("user-1", &Total { count: 7 });
/// assert_eq!(totals.get("user-1")?, Some(Total { count: 7 }));
/// assert_eq!(totals.get("user-2")?, None);
/// # Ok(()) }
/// ```
pub struct View<M> {
    entries: Entries,
    progress: watch::Receiver<Progress>,
    message: PhantomData<fn() -> M>,
}

/// How complete a view is.
#[derive(Debug, Clone)]
pub(crate) enum Progress {
    /// The topic's partitions are being looked up.
    Starting,
    /// Catching up with the end seen at the start.
    CatchingUp { done: usize, partitions: usize },
    /// Complete, and following.
    Ready,
    /// It follows no more.
    Failed(String),
}

impl<M: Message + Default> View<M> {
    pub(crate) fn new(topic: &str, table: Table, progress: watch::Receiver<Progress>) -> Self {
        Self {
            entries: Entries::new(topic, table),
            progress,
            message: PhantomData,
        }
    }

    /// A view without a broker, and the means to change what it shows.
    pub fn in_memory() -> (Self, Contents<M>) {
        let table = Table::in_memory();
        (
            Self::new("in memory", table.clone(), always_ready()),
            Contents::new(table),
        )
    }

    /// The topic it copies.
    pub fn topic(&self) -> &str {
        self.entries.topic()
    }

    /// Waits until the view holds everything the topic held when the view was started.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] when the view cannot follow its topic.
    pub async fn ready(&self) -> Result<()> {
        let mut progress = self.progress.clone();
        let reached = progress
            .wait_for(|progress| matches!(progress, Progress::Ready | Progress::Failed(_)))
            .await;
        match reached.as_deref() {
            Ok(Progress::Ready) => Ok(()),
            Ok(Progress::Failed(reason)) => Err(self.stopped(reason)),
            Ok(_) | Err(_) => Err(self.stopped("the service stopped")),
        }
    }

    /// The message under `key`.
    ///
    /// # Errors
    ///
    /// [`Error::ViewNotReady`] before the view is complete, [`Error::Stopped`] when it follows its
    /// topic no more, and [`Error::Entry`] when the value is not an `M`.
    pub fn get(&self, key: impl AsRef<str>) -> Result<Option<M>> {
        self.check_ready()?;
        self.entries.get(key.as_ref())
    }

    /// Every key and message, in the order of the keys' bytes, as of now.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); for the values, per entry. A key that is not UTF-8 is an
    /// [`Error::Entry`] of its own.
    pub fn iter(&self) -> Result<impl Iterator<Item = Result<(String, M)>> + Send + use<M>> {
        self.check_ready()?;
        Ok(self.entries.iter())
    }

    fn check_ready(&self) -> Result<()> {
        match &*self.progress.borrow() {
            Progress::Ready => Ok(()),
            Progress::Failed(reason) => Err(self.stopped(reason)),
            Progress::Starting => Err(self.not_ready("it is starting".to_owned())),
            Progress::CatchingUp { done, partitions } => {
                Err(self.not_ready(format!("{done} of {partitions} partitions are")))
            }
        }
    }

    fn not_ready(&self, progress: String) -> Error {
        Error::ViewNotReady {
            topic: self.topic().to_owned(),
            progress,
        }
    }

    fn stopped(&self, reason: &str) -> Error {
        Error::Stopped {
            object: format!("the view of {}", self.entries.topic()),
            source: Box::new(Error::handler(reason)),
        }
    }
}

impl<M> Clone for View<M> {
    fn clone(&self) -> Self {
        Self {
            entries: self.entries.clone(),
            progress: self.progress.clone(),
            message: PhantomData,
        }
    }
}

impl<M> std::fmt::Debug for View<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View")
            .field("topic", &self.entries.topic())
            .field("progress", &*self.progress.borrow())
            .finish_non_exhaustive()
    }
}

/// A progress that is complete from the start; the sender's last value stays readable.
pub(crate) fn always_ready() -> watch::Receiver<Progress> {
    watch::channel(Progress::Ready).1
}

/// Follows a topic into a table until the service stops.
pub(crate) struct Follower {
    pub(crate) reader: Reader,
    pub(crate) table: Table,
    pub(crate) topic: Arc<str>,
    pub(crate) partitions: i32,
    pub(crate) progress: watch::Sender<Progress>,
}

impl Follower {
    /// As it is called in messages to people.
    pub(crate) fn title(&self) -> String {
        format!("the view of {}", self.topic)
    }

    pub(crate) async fn run(self, halt: Halt) -> Result<()> {
        let result = tokio::select! {
            biased;
            () = halt.asked() => Ok(()),
            result = self.follow() => result,
        };
        if let Err(error) = &result {
            self.progress
                .send_replace(Progress::Failed(error.to_string()));
        }
        result.map_err(|error| Error::Stopped {
            object: self.title(),
            source: Box::new(error),
        })
    }

    async fn follow(&self) -> Result<()> {
        let extents = try_join_all(
            (0..self.partitions).map(|partition| extent(&self.reader, &self.topic, partition)),
        )
        .await?;
        let starts = start_offsets(&self.table, &self.topic, &extents)?;
        let partitions = extents.len();
        self.progress.send_replace(if partitions == 0 {
            Progress::Ready
        } else {
            Progress::CatchingUp {
                done: 0,
                partitions,
            }
        });
        try_join_all(
            extents
                .into_iter()
                .zip(starts)
                .map(|(extent, start)| self.follow_partition(extent, start)),
        )
        .await?;
        Ok(())
    }

    async fn follow_partition(&self, extent: Extent, start: i64) -> Result<()> {
        let mut caught_up = start >= extent.high;
        if caught_up {
            self.one_more_done();
        }
        let mut stream = self
            .reader
            .open(&self.topic, extent.partition, start)
            .await?;
        loop {
            let reached = match stream.next().await? {
                Polled::Records(batch) => {
                    apply(&self.table, &batch)?;
                    batch.record(batch.len() - 1).offset + 1
                }
                Polled::End(end) => end,
            };
            if !caught_up && reached >= extent.high {
                caught_up = true;
                self.one_more_done();
            }
            // The other partitions, and a stop, are waiting for their turn.
            tokio::task::yield_now().await;
        }
    }

    fn one_more_done(&self) {
        self.progress.send_modify(|progress| {
            if let Progress::CatchingUp { done, partitions } = progress {
                *done += 1;
                if done == partitions {
                    *progress = Progress::Ready;
                    tracing::info!(topic = &*self.topic, "the view is complete");
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_is_not_read_before_it_is_complete() {
        let (progress, receiver) = watch::channel(Progress::CatchingUp {
            done: 3,
            partitions: 10,
        });
        let view = View::<()>::new("s.a.b", Table::in_memory(), receiver);
        assert_eq!(
            view.get("a").unwrap_err().to_string(),
            "the view of s.a.b is not complete yet (3 of 10 partitions are); wait for it with `ready().await`"
        );
        assert!(view.iter().is_err());
        progress.send_replace(Progress::Ready);
        assert_eq!(view.get("a").unwrap(), None);
    }

    #[tokio::test]
    async fn ready_tells_when_the_view_failed_or_was_dropped() {
        let (progress, receiver) = watch::channel(Progress::Starting);
        let view = View::<()>::new("s.a.b", Table::in_memory(), receiver);
        progress.send_replace(Progress::Failed("no such topic".to_owned()));
        assert_eq!(
            view.ready().await.unwrap_err().to_string(),
            "the view of s.a.b stopped: no such topic"
        );

        let (progress, receiver) = watch::channel(Progress::Starting);
        let view = View::<()>::new("s.a.b", Table::in_memory(), receiver);
        drop(progress);
        assert_eq!(
            view.ready().await.unwrap_err().to_string(),
            "the view of s.a.b stopped: the service stopped"
        );
    }
}
