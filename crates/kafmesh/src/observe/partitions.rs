//! The partitions an object works on: which they are, how far behind it is, and how complete their
//! tables are. What an object gives up is gone from here, and so from every answer.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Counts, Observed};
use crate::store::Table;

/// The partitions an object has in this process; clones are the same ones.
#[derive(Clone, Default)]
pub(crate) struct Partitions(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    /// Whether it was told its partitions at all; they may be none.
    started: bool,
    ended: bool,
    /// A number may be there twice: the partitions of two topics that came one after the other.
    partitions: Vec<(i32, Arc<Partition>)>,
}

/// One partition, from its assignment to its revocation.
#[derive(Default)]
pub(super) struct Partition {
    /// Whether its tables are complete.
    restored: AtomicBool,
    tables: Mutex<Vec<Arc<TableProgress>>>,
    inputs: Mutex<Vec<Arc<Position>>>,
    /// Entries and bytes of the cache of states.
    pub(super) cache_entries: AtomicU64,
    pub(super) cache_bytes: AtomicU64,
}

/// Tells the offset after the last record of a partition, as far as it is known.
pub(crate) type End = Box<dyn Fn() -> Option<i64> + Send + Sync>;

/// Where the reader of one topic partition is.
pub(crate) struct Position {
    pub(super) topic: Arc<str>,
    /// The offset to handle next; below 0 as long as that is not known.
    next: AtomicI64,
    end: End,
}

/// How far the local table of one topic partition is, in offsets of its topic.
pub(crate) struct TableProgress {
    pub(super) topic: Arc<str>,
    /// Where it is kept; `None` if that is shared with other partitions.
    pub(super) table: Option<Table>,
    start: AtomicI64,
    position: AtomicI64,
    end: AtomicI64,
}

/// A partition an object has; dropped when it has it no more.
pub(crate) struct Held {
    /// Of the object.
    pub(crate) counts: Arc<Counts>,
    partition: Arc<Partition>,
    of: Partitions,
}

/// How far all partitions of an object are together.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) started: bool,
    pub(super) ended: bool,
    pub(super) partitions: usize,
    /// Those of which a table is not complete.
    pub(super) restoring: usize,
    /// Offsets of all tables that are restored or were.
    pub(super) done: u64,
    pub(super) total: u64,
}

impl Partitions {
    /// The object was told its partitions, and holds them.
    pub(crate) fn started(&self) {
        self.told().started = true;
    }

    /// The object has ended.
    pub(crate) fn ended(&self) {
        self.told().ended = true;
    }

    /// Everything of partition `number` before `next` has been handled.
    pub(crate) fn reached(&self, number: i32, next: i64) {
        for (_, partition) in self
            .told()
            .partitions
            .iter()
            .filter(|(of, _)| *of == number)
        {
            lock(&partition.inputs)
                .iter()
                .for_each(|input| input.reached(next));
        }
    }

    pub(super) fn summary(&self) -> Summary {
        let told = self.told();
        let mut summary = Summary {
            started: told.started,
            ended: told.ended,
            partitions: told.partitions.len(),
            ..Summary::default()
        };
        for (_, partition) in &told.partitions {
            summary.restoring += usize::from(!partition.restored.load(Ordering::Relaxed));
            for table in partition.tables() {
                let (done, total) = table.offsets();
                summary.done += done;
                summary.total += total;
            }
        }
        summary
    }

    pub(super) fn all(&self) -> Vec<(i32, Arc<Partition>)> {
        self.told().partitions.clone()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        lock(&self.0)
    }
}

impl Partition {
    pub(super) fn tables(&self) -> Vec<Arc<TableProgress>> {
        lock(&self.tables).clone()
    }

    pub(super) fn inputs(&self) -> Vec<Arc<Position>> {
        lock(&self.inputs).clone()
    }
}

impl Position {
    /// The first record that is read has the offset `first`, unless the position was known before.
    pub(crate) fn begins(&self, first: i64) {
        let (order, unknown) = (Ordering::Relaxed, |next| (next < 0).then_some(first));
        // An error means that it was known.
        let _ = self.next.fetch_update(order, order, unknown);
    }

    /// Everything before `next` has been handled.
    pub(crate) fn reached(&self, next: i64) {
        self.next.store(next, Ordering::Relaxed);
    }

    /// How many offsets are left to handle, if both ends are known.
    pub(super) fn lag(&self) -> Option<u64> {
        let next = self.next.load(Ordering::Relaxed);
        let end = (self.end)()?;
        // The end is as of the last fetch, and may be older than what has been handled since.
        (next >= 0).then(|| end.saturating_sub(next).max(0).unsigned_abs())
    }
}

impl TableProgress {
    /// The restore reads the offsets from `start` to `end`. In a compacted topic there are fewer
    /// records than offsets; how many, nobody knows before they are read.
    pub(crate) fn begins(&self, start: i64, end: i64) {
        self.start.store(start, Ordering::Relaxed);
        self.position.store(start, Ordering::Relaxed);
        self.end.store(end, Ordering::Relaxed);
    }

    /// The table holds what the topic held before `offset`.
    pub(crate) fn reached(&self, offset: i64) {
        self.position.store(offset, Ordering::Relaxed);
    }

    /// How many offsets the restore has read, of how many. The topic may go on while it is read.
    pub(super) fn offsets(&self) -> (u64, u64) {
        let start = self.start.load(Ordering::Relaxed);
        let end = self.end.load(Ordering::Relaxed).max(start);
        let reached = self.position.load(Ordering::Relaxed).clamp(start, end);
        (reached.abs_diff(start), end.abs_diff(start))
    }
}

impl Observed {
    /// The object has partition `number` until what is returned is dropped.
    pub(crate) fn hold(&self, number: i32) -> Held {
        let partition = Arc::<Partition>::default();
        let mut told = self.partitions.told();
        told.partitions.push((number, Arc::clone(&partition)));
        Held {
            counts: Arc::clone(&self.counts),
            partition,
            of: self.partitions.clone(),
        }
    }
}

impl Held {
    /// The object reads the partition of `topic`, from `next` if that is known.
    pub(crate) fn reads(&self, topic: &str, next: Option<i64>, end: End) -> Arc<Position> {
        let position = Arc::new(Position {
            topic: topic.into(),
            next: AtomicI64::new(next.unwrap_or(-1)),
            end,
        });
        lock(&self.partition.inputs).push(Arc::clone(&position));
        position
    }

    /// The partition of `topic` is restored into `table`, which is told if no other partition is kept
    /// there.
    pub(crate) fn restores(&self, topic: &str, table: Option<&Table>) -> Arc<TableProgress> {
        let progress = Arc::new(TableProgress {
            topic: topic.into(),
            table: table.cloned(),
            start: AtomicI64::new(0),
            position: AtomicI64::new(0),
            end: AtomicI64::new(0),
        });
        lock(&self.partition.tables).push(Arc::clone(&progress));
        progress
    }

    /// The tables hold what their topics held when the restore began; also, if there are none.
    pub(crate) fn restored(&self) {
        self.partition.restored.store(true, Ordering::Relaxed);
    }

    /// What the cache of states holds.
    pub(crate) fn cache(&self, entries: usize, bytes: usize) {
        let Partition {
            cache_entries,
            cache_bytes,
            ..
        } = &*self.partition;
        cache_entries.store(entries as u64, Ordering::Relaxed);
        cache_bytes.store(bytes as u64, Ordering::Relaxed);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut told = self.of.told();
        told.partitions
            .retain(|(_, held)| !Arc::ptr_eq(held, &self.partition));
    }
}
