//! Sinks: a topic's records, handed to the user's code in batches.
//!
//! One writer per process and sink. Records of all the partitions this process has are collected
//! into one batch, in order within each partition; it is written when it is large or old enough,
//! and its offsets are committed after that.

mod batching;
mod collected;
mod driven;
mod member;
mod reading;
mod record;
mod write;
mod writing;

pub use batching::Batching;
pub(crate) use driven::Driven;
pub(crate) use member::Member;
pub use record::SinkRecord;
pub use write::Sink;
