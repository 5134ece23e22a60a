//! The partitions an object works on: which they are, and how complete their tables are.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The partitions an object has in this process; clones are the same ones, so that objects that
/// share a table share its progress.
#[derive(Clone, Default)]
pub(crate) struct Partitions(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    /// Whether it was told its partitions at all; they may be none.
    started: bool,
    ended: bool,
    partitions: BTreeMap<i32, Arc<Partition>>,
}

/// One partition, from its assignment to its revocation.
pub(crate) struct Partition {
    tables: Box<[TableProgress]>,
}

/// How far the local table of one topic partition is, in offsets of its topic.
pub(crate) struct TableProgress {
    #[expect(dead_code, reason = "the metrics name it")]
    topic: &'static str,
    start: AtomicI64,
    position: AtomicI64,
    end: AtomicI64,
    complete: AtomicBool,
}

/// A partition an object has; dropped when it has it no more.
pub(crate) struct Held {
    partition: Arc<Partition>,
    number: i32,
    of: Partitions,
}

/// How far all partitions of an object are together.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) started: bool,
    pub(crate) ended: bool,
    pub(crate) partitions: usize,
    /// Those of which a table is not complete.
    pub(crate) restoring: usize,
    /// Records of all tables that are restored or were.
    pub(crate) done: u64,
    pub(crate) total: u64,
}

impl Partitions {
    /// The object was told its partitions; each is added when it is taken up.
    pub(crate) fn started(&self) {
        self.told().started = true;
    }

    /// The object has ended.
    pub(crate) fn ended(&self) {
        self.told().ended = true;
    }

    /// The object has partition `number` until what is returned is dropped, with local tables of `tables`.
    pub(crate) fn hold(&self, number: i32, tables: impl IntoIterator<Item = &'static str>) -> Held {
        let table = |topic| TableProgress {
            topic,
            start: AtomicI64::new(0),
            position: AtomicI64::new(0),
            end: AtomicI64::new(0),
            complete: AtomicBool::new(false),
        };
        let partition = Arc::new(Partition {
            tables: tables.into_iter().map(table).collect(),
        });
        self.told()
            .partitions
            .insert(number, Arc::clone(&partition));
        Held {
            partition,
            number,
            of: self.clone(),
        }
    }

    pub(crate) fn summary(&self) -> Summary {
        let told = self.told();
        let mut summary = Summary {
            started: told.started,
            ended: told.ended,
            partitions: told.partitions.len(),
            ..Summary::default()
        };
        for partition in told.partitions.values() {
            summary.restoring += usize::from(!partition.is_complete());
            for table in &partition.tables {
                let (done, total) = table.records();
                summary.done += done;
                summary.total += total;
            }
        }
        summary
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partition {
    fn is_complete(&self) -> bool {
        self.tables
            .iter()
            .all(|table| table.complete.load(Ordering::Relaxed))
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

    /// The table holds what its topic held when the restore began.
    pub(crate) fn completed(&self) {
        self.complete.store(true, Ordering::Relaxed);
    }

    /// How many offsets the restore has read, of how many. The topic may go on while it is read.
    fn records(&self) -> (u64, u64) {
        let start = self.start.load(Ordering::Relaxed);
        let end = self.end.load(Ordering::Relaxed).max(start);
        let reached = if self.complete.load(Ordering::Relaxed) {
            end
        } else {
            self.position.load(Ordering::Relaxed).clamp(start, end)
        };
        (reached.abs_diff(start), end.abs_diff(start))
    }
}

impl Held {
    /// Every table is complete.
    pub(crate) fn restored(&self) {
        self.partition
            .tables
            .iter()
            .for_each(TableProgress::completed);
    }

    /// The progress of the table number `index` of those it was taken up with.
    pub(crate) fn table(&self, index: usize) -> &TableProgress {
        &self.partition.tables[index]
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut told = self.of.told();
        // It may have come back already, as another one.
        let current = told.partitions.get(&self.number);
        if current.is_some_and(|current| Arc::ptr_eq(current, &self.partition)) {
            told.partitions.remove(&self.number);
        }
    }
}
