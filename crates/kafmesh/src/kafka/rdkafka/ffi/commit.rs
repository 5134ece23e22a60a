//! Commits of offsets.
#![allow(
    unsafe_code,
    reason = "rdkafka's commits hold up a thread, or are answered in a callback that does not tell which"
)]

use std::ptr::null_mut;
use std::sync::Arc;

use ::rdkafka::bindings as sys;
use ::rdkafka::bindings::rd_kafka_resp_err_t as Response;
use ::rdkafka::consumer::Consumer as _;
use ::rdkafka::topic_partition_list::TopicPartitionList;
use ::rdkafka::types::RDKafkaErrorCode;

use super::queue::Reply;
use crate::kafka::rdkafka::client::ConsumerHandle;

/// Commits `offsets`; the answer is that of the first partition that failed.
pub(crate) async fn commit(
    consumer: &Arc<ConsumerHandle>,
    offsets: TopicPartitionList,
) -> Result<(), RDKafkaErrorCode> {
    let native = consumer.client().native_ptr();
    let reply = Reply::queue(Arc::clone(consumer), native);
    // SAFETY: librdkafka copies the offsets and keeps a reference to the queue until it has answered.
    let sent = unsafe {
        sys::rd_kafka_commit_queue(
            native,
            offsets.ptr(),
            reply.queue.queue.as_ptr(),
            None,
            null_mut(),
        )
    };
    drop(offsets);
    if sent != Response::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Err(sent.into());
    }
    let event = reply.event().await;
    if let Some(error) = event.error() {
        return Err(error);
    }
    // SAFETY: the list lives as long as the event; its elements are `cnt` many.
    let failed = unsafe {
        sys::rd_kafka_event_topic_partition_list(event.0.as_ptr())
            .as_ref()
            .and_then(|list| {
                let partitions =
                    std::slice::from_raw_parts(list.elems, usize::try_from(list.cnt).unwrap_or(0));
                partitions
                    .iter()
                    .map(|partition| partition.err)
                    .find(|error| *error != Response::RD_KAFKA_RESP_ERR_NO_ERROR)
            })
    };
    failed.map_or(Ok(()), |error| Err(error.into()))
}
