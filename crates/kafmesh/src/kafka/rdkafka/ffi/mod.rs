//! The calls into librdkafka's batch functions, wrapped so that the rest of the module is safe code.
//!
//! Every wrapper owns one librdkafka object, holds the client it belongs to, and destroys the object
//! first: fields are dropped in the order they are declared. librdkafka itself is thread safe.

mod alter;
mod commit;
mod describe;
mod events;
mod memory;
mod message;
mod partition;
mod produce;
mod queue;
mod topic;

pub(super) use alter::alter_topic;
pub(super) use commit::commit;
pub(super) use describe::describe_topics;
pub(super) use events::{Delivered, MainQueue};
pub(super) use message::Message;
pub(crate) use message::{MessageHeaders, Messages};
pub(super) use partition::PartitionQueue;
pub(super) use produce::{flush, produce, producer, purge, unacknowledged};
pub(super) use topic::Topic;
