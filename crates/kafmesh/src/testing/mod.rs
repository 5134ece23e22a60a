//! Testing without a broker: drivers for processors, sinks, view sources,
//! view sinks and services, and what in-memory handles recorded.
//!
//! Time is virtual: it starts at 2000-01-01T00:00:00Z and moves only when a test says so.

#[doc(hidden)]
pub mod cost;
mod processor;
mod service;
mod sink;
mod view_sink;
mod view_source;

pub use crate::memory::{Captured, Contents, Emitted};
pub use processor::{Outputs, ProcessorTest};
pub use service::ServiceTest;
pub use sink::SinkTest;
pub use view_sink::ViewSinkTest;
pub use view_source::ViewSourceTest;

/// Where a record with `key` goes in a topic of `partitions` partitions, as every Kafka client whose
/// partitioner is the Java client's default has it.
///
/// For tests that rely on an order: records of one partition are handled one after the other.
///
/// ```
/// assert_eq!(kafmesh::testing::partition_of("user-1", 1), 0);
/// ```
pub fn partition_of(key: &str, partitions: i32) -> i32 {
    crate::kafka::partition_of(key.as_bytes(), partitions)
}
