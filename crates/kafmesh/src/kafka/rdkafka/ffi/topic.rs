//! A topic of a client, resolved once.
#![allow(
    unsafe_code,
    reason = "rdkafka resolves a topic's name at every record, and fetches for groups only"
)]

use std::ffi::CString;
use std::ptr::{NonNull, null_mut};

use ::rdkafka::bindings as sys;
use ::rdkafka::client::Client;
use ::rdkafka::types::RDKafkaErrorCode;

use crate::kafka::rdkafka::context::Context;

/// A topic of a client, resolved once. Must be dropped before the client.
pub(crate) struct Topic(pub(super) NonNull<sys::rd_kafka_topic_t>);

// SAFETY: librdkafka's topics are thread safe and counted by reference.
unsafe impl Send for Topic {}
// SAFETY: as above.
unsafe impl Sync for Topic {}

impl Topic {
    pub(crate) fn new(client: &Client<Context>, name: &str) -> Option<Self> {
        let name = CString::new(name).ok()?;
        // SAFETY: client and name are valid; without a configuration the client's applies.
        NonNull::new(unsafe {
            sys::rd_kafka_topic_new(client.native_ptr(), name.as_ptr(), null_mut())
        })
        .map(Self)
    }

    /// Begins to fetch `partition` from `offset`, without a group.
    pub(crate) fn start(&self, partition: i32, offset: i64) -> Result<(), RDKafkaErrorCode> {
        // SAFETY: the topic is valid; the error is the one of this thread's last call.
        match unsafe { sys::rd_kafka_consume_start(self.0.as_ptr(), partition, offset) } {
            0 => Ok(()),
            _ => Err(unsafe { sys::rd_kafka_last_error() }.into()),
        }
    }

    /// Ends what [`start`](Self::start) began. Returns when the client's main thread has done it.
    pub(crate) fn stop(&self, partition: i32) {
        // SAFETY: the topic is valid. It fails only for a partition that was never started.
        unsafe { sys::rd_kafka_consume_stop(self.0.as_ptr(), partition) };
    }
}

impl Drop for Topic {
    fn drop(&mut self) {
        // SAFETY: this value owns one reference.
        unsafe { sys::rd_kafka_topic_destroy(self.0.as_ptr()) }
    }
}
