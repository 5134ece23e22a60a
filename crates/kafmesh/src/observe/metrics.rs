//! The metrics there are.

use prometheus_client::metrics::MetricType;

/// One metric: its name without prefix and suffix, and what it means. The table in the reference is
/// made from those below.
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: MetricType,
    pub(super) help: &'static str,
}

pub(super) const RECORDS_IN: Metric = Metric {
    name: "records_in",
    kind: MetricType::Counter,
    help: "Records that were handled, written or applied to a table",
};
pub(super) const BYTES_IN: Metric = Metric {
    name: "bytes_in",
    kind: MetricType::Counter,
    help: "Bytes of keys and values of those records",
};
pub(super) const RECORDS_OUT: Metric = Metric {
    name: "records_out",
    kind: MetricType::Counter,
    help: "Records that were handed to the producer; for a source, that were acknowledged",
};
pub(super) const BYTES_OUT: Metric = Metric {
    name: "bytes_out",
    kind: MetricType::Counter,
    help: "Bytes of keys and values of those records",
};
pub(super) const ERRORS: Metric = Metric {
    name: "errors",
    kind: MetricType::Counter,
    help: "Records, batches, emits or syncs that failed",
};
pub(super) const BATCH_SECONDS: Metric = Metric {
    name: "batch_seconds",
    kind: MetricType::Histogram,
    help: "Time a batch of records took in handlers, or in the write of a sink",
};
pub(super) const COMMIT_SECONDS: Metric = Metric {
    name: "commit_seconds",
    kind: MetricType::Histogram,
    help: "Time a commit took: acknowledgements, offsets, local table",
};
pub(super) const WRITE_RETRIES: Metric = Metric {
    name: "write_retries",
    kind: MetricType::Counter,
    help: "Writes of a sink that failed and were tried again",
};
pub(super) const SYNC_SECONDS: Metric = Metric {
    name: "sync_seconds",
    kind: MetricType::Histogram,
    help: "Time a whole sync took, whether it succeeded or failed",
};
pub(super) const SYNC_UPDATES: Metric = Metric {
    name: "sync_updates",
    kind: MetricType::Counter,
    help: "Keys that a view source changed",
};
pub(super) const SYNC_DELETES: Metric = Metric {
    name: "sync_deletes",
    kind: MetricType::Counter,
    help: "Keys that a view source deleted because its sync did not name them",
};
pub(super) const LAG: Metric = Metric {
    name: "lag",
    kind: MetricType::Gauge,
    help: "Offsets between what was handled and the end of the partition",
};
pub(super) const RESTORE_DONE: Metric = Metric {
    name: "restore_offsets_done",
    kind: MetricType::Gauge,
    help: "Offsets of its topic that the restore of a local table has read",
};
pub(super) const RESTORE_LEFT: Metric = Metric {
    name: "restore_offsets_left",
    kind: MetricType::Gauge,
    help: "Offsets of its topic that the restore of a local table still has to read",
};
pub(super) const STORE_BYTES: Metric = Metric {
    name: "store_bytes",
    kind: MetricType::Gauge,
    help: "Size of a local table on disk; the table of a whole topic has no partition",
};
pub(super) const CACHE_HITS: Metric = Metric {
    name: "cache_hits",
    kind: MetricType::Counter,
    help: "States that were found in the cache",
};
pub(super) const CACHE_MISSES: Metric = Metric {
    name: "cache_misses",
    kind: MetricType::Counter,
    help: "States that had to be looked up in the local table",
};
pub(super) const CACHE_ENTRIES: Metric = Metric {
    name: "cache_entries",
    kind: MetricType::Gauge,
    help: "States in the cache",
};
pub(super) const CACHE_BYTES: Metric = Metric {
    name: "cache_bytes",
    kind: MetricType::Gauge,
    help: "Bytes of the states in the cache, about",
};
pub(super) const WATCHERS: Metric = Metric {
    name: "watchers",
    kind: MetricType::Gauge,
    help: "How many watch a processor",
};
pub(super) const WATCH_LOST: Metric = Metric {
    name: "watch_lost",
    kind: MetricType::Counter,
    help: "Operations that those who watch a processor were not shown",
};
pub(super) const OBJECT_READY: Metric = Metric {
    name: "object_ready",
    kind: MetricType::Gauge,
    help: "1 if the object runs and its tables are complete, else 0",
};
pub(super) const READY: Metric = Metric {
    name: "ready",
    kind: MetricType::Gauge,
    help: "1 if every object is ready, else 0",
};
pub(super) const START_TIME: Metric = Metric {
    name: "start_time_seconds",
    kind: MetricType::Gauge,
    help: "When the process started, in seconds since 1970",
};
pub(super) const BUILD: Metric = Metric {
    name: "build",
    kind: MetricType::Info,
    help: "The version of kafmesh; the value is always 1",
};
