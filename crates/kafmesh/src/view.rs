//! Views: a local, complete, always current copy of a topic.

use std::marker::PhantomData;

use prost::Message;

use crate::error::{Error, Result};
use crate::global::{GlobalTable, Progress};
use crate::memory::Contents;
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
    table: GlobalTable,
    message: PhantomData<fn() -> M>,
}

impl<M: Message + Default> View<M> {
    pub(crate) fn new(table: GlobalTable) -> Self {
        Self {
            table,
            message: PhantomData,
        }
    }

    /// A view without a broker, and the means to change what it shows.
    pub fn in_memory() -> (Self, Contents<M>) {
        let table = Table::in_memory();
        (
            Self::new(GlobalTable::in_memory("in memory", table.clone())),
            Contents::new(table),
        )
    }

    /// The topic it copies.
    pub fn topic(&self) -> &str {
        self.table.entries().topic()
    }

    /// Waits until the view holds everything the topic held when the view was started.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] when the view cannot follow its topic.
    pub async fn ready(&self) -> Result<()> {
        self.table
            .ready()
            .await
            .map_err(|ended| self.stopped(&ended.0))
    }

    /// The message under `key`.
    ///
    /// Reads the local store on the calling thread, for some microseconds: from memory, or from the
    /// local disk when the block is not there.
    ///
    /// # Errors
    ///
    /// [`Error::ViewNotReady`] before the view is complete, [`Error::Stopped`] when it follows its
    /// topic no more, and [`Error::Entry`] when the value is not an `M`.
    pub fn get(&self, key: impl AsRef<str>) -> Result<Option<M>> {
        self.check_ready()?;
        self.table.entries().get(key.as_ref())
    }

    /// Every key and message, in the order of the keys' bytes, as of now.
    ///
    /// Each step reads the local store on the calling thread, as [`get`](Self::get) does. A walk
    /// through a large view keeps that thread from everything else: use
    /// `tokio::task::spawn_blocking`, or yield now and then.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); for the values, per entry. A key that is not UTF-8 is an
    /// [`Error::Entry`] of its own.
    pub fn iter(&self) -> Result<impl Iterator<Item = Result<(String, M)>> + Send + use<M>> {
        self.check_ready()?;
        Ok(self.table.entries().iter())
    }

    fn check_ready(&self) -> Result<()> {
        match &*self.table.progress() {
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
            object: format!("the view of {}", self.topic()),
            source: Box::new(Error::handler(reason)),
        }
    }
}

impl<M> Clone for View<M> {
    fn clone(&self) -> Self {
        Self {
            table: self.table.clone(),
            message: PhantomData,
        }
    }
}

impl<M> std::fmt::Debug for View<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View")
            .field("topic", &self.table.entries().topic())
            .field("progress", &*self.table.progress())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;

    fn view_of(progress: watch::Receiver<Progress>) -> View<()> {
        View::new(GlobalTable::new("s.a.b", Table::in_memory(), progress))
    }

    #[test]
    fn a_view_is_not_read_before_it_is_complete() {
        let (progress, receiver) = watch::channel(Progress::CatchingUp {
            done: 3,
            partitions: 10,
        });
        let view = view_of(receiver);
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
        let view = view_of(receiver);
        progress.send_replace(Progress::Failed("no such topic".to_owned()));
        assert_eq!(
            view.ready().await.unwrap_err().to_string(),
            "the view of s.a.b stopped: no such topic"
        );

        let (progress, receiver) = watch::channel(Progress::Starting);
        let view = view_of(receiver);
        drop(progress);
        assert_eq!(
            view.ready().await.unwrap_err().to_string(),
            "the view of s.a.b stopped: the service stopped"
        );
    }
}
