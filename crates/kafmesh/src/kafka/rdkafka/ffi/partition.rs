//! A partition's fetched records.
#![allow(
    unsafe_code,
    reason = "rdkafka has no safe form of the functions that take records in batches"
)]

use std::ffi::CString;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;

use ::rdkafka::bindings as sys;
use ::rdkafka::bindings::rd_kafka_resp_err_t as Response;
use ::rdkafka::consumer::Consumer as _;

use super::message::Message;
use super::queue::Queue;
use crate::kafka::rdkafka::client::ConsumerHandle;

/// A partition's fetched records, kept apart from the client's other events.
pub(crate) struct PartitionQueue {
    queue: Queue,
    consumer: Arc<ConsumerHandle>,
    topic: CString,
    partition: i32,
}

impl PartitionQueue {
    /// Takes the partition's queue out of the client's main queue.
    ///
    /// Before the partition is assigned: what was fetched earlier stays where it is.
    pub(crate) fn split(
        consumer: &Arc<ConsumerHandle>,
        topic: &str,
        partition: i32,
    ) -> Option<Self> {
        let name = CString::new(topic).ok()?;
        // SAFETY: the client and the name are valid for the calls; a null destination ends forwarding.
        let queue = unsafe {
            let queue = NonNull::new(sys::rd_kafka_queue_get_partition(
                consumer.client().native_ptr(),
                name.as_ptr(),
                partition,
            ))?;
            sys::rd_kafka_queue_forward(queue.as_ptr(), null_mut());
            Queue::new(queue)
        };
        Some(Self {
            queue,
            consumer: Arc::clone(consumer),
            topic: name,
            partition,
        })
    }

    pub(crate) fn consumer(&self) -> &Arc<ConsumerHandle> {
        &self.consumer
    }

    /// Appends up to `limit` records that have been fetched already.
    pub(crate) fn take(&self, messages: &mut Vec<Message>, limit: usize) {
        messages.reserve(limit);
        let spare = messages.spare_capacity_mut().as_mut_ptr();
        // SAFETY: there is room for `limit` pointers, which `Message` is (transparent, never null), and
        // the first `taken` of them are written; each is ours to destroy.
        unsafe {
            let taken = sys::rd_kafka_consume_batch_queue(
                self.queue.queue.as_ptr(),
                0,
                spare.cast(),
                limit,
            );
            messages.set_len(messages.len() + usize::try_from(taken).unwrap_or(0));
        }
    }

    /// Tells the end of the partition as of the last answer to a fetch, and there is always one under
    /// way unless the queue is full; `None` before the first. It does not keep the client.
    pub(crate) fn end(&self) -> impl Fn() -> Option<i64> + Send + Sync + use<> {
        let (consumer, topic) = (Arc::downgrade(&self.consumer), self.topic.clone());
        let partition = self.partition;
        move || {
            let consumer = consumer.upgrade()?;
            let (mut low, mut high) = (0, 0);
            // SAFETY: client and name are valid for the call, which writes two numbers.
            let known = unsafe {
                sys::rd_kafka_get_watermark_offsets(
                    consumer.client().native_ptr(),
                    topic.as_ptr(),
                    partition,
                    &mut low,
                    &mut high,
                )
            };
            (known == Response::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
        }
    }

    /// Resolves when something was fetched since the last time it resolved.
    pub(crate) async fn filled(&self) {
        self.queue.filled.notified().await;
    }
}
