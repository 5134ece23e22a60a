//! Descriptions of topics.
#![allow(unsafe_code, reason = "rdkafka has no form of this request")]

use std::ffi::CString;
use std::ptr::null_mut;
use std::sync::Arc;

use ::rdkafka::bindings as sys;
use ::rdkafka::client::Client;
use ::rdkafka::types::RDKafkaErrorCode;

use super::memory::text;
use super::queue::Reply;
use crate::kafka::rdkafka::client::REQUEST_TIMEOUT;
use crate::kafka::rdkafka::context::Context;

/// What one topic was answered with: its id, all zeros if the broker gives none.
pub(crate) type DescribedTopic = (String, Result<[u8; 16], RDKafkaErrorCode>);

/// The ids of `topics` as `broker` knows them, or the controller; each of them may fail by itself.
pub(crate) async fn describe_topics<T>(
    admin: Arc<T>,
    client: impl Fn(&T) -> &Client<Context>,
    broker: Option<i32>,
    topics: &[&str],
) -> Result<Vec<DescribedTopic>, RDKafkaErrorCode> {
    let names = topics
        .iter()
        .map(|topic| CString::new(*topic))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| RDKafkaErrorCode::InvalidTopic)?;
    let native = client(&admin).native_ptr();
    let reply = Reply::queue(admin, native);
    let timeout = i32::try_from(REQUEST_TIMEOUT.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the names are valid during the calls, which copy them; the collection and the options are
    // destroyed after the request has copied them. Setting an option fails only for a value out of its
    // range, which leaves the default.
    unsafe {
        let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        let collection =
            sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        let options = sys::rd_kafka_AdminOptions_new(
            native,
            sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
        );
        sys::rd_kafka_AdminOptions_set_request_timeout(options, timeout, null_mut(), 0);
        if let Some(broker) = broker {
            sys::rd_kafka_AdminOptions_set_broker(options, broker, null_mut(), 0);
        }
        sys::rd_kafka_DescribeTopics(native, collection, options, reply.queue.queue.as_ptr());
        sys::rd_kafka_AdminOptions_destroy(options);
        sys::rd_kafka_TopicCollection_destroy(collection);
    }
    let event = reply.event().await;
    if let Some(error) = event.error() {
        return Err(error);
    }
    let mut count = 0;
    let mut described = Vec::with_capacity(topics.len());
    // SAFETY: the descriptions live as long as the event and are `count` many; a name and an id are
    // never null, and an error is null when there is none.
    unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(event.0.as_ptr());
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        for index in 0..count {
            let topic = *topics.add(index);
            let name = text(sys::rd_kafka_TopicDescription_name(topic));
            let code = sys::rd_kafka_error_code(sys::rd_kafka_TopicDescription_error(topic));
            let answer = if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                let id = sys::rd_kafka_TopicDescription_topic_id(topic);
                let mut bytes = [0; 16];
                bytes[..8]
                    .copy_from_slice(&sys::rd_kafka_Uuid_most_significant_bits(id).to_be_bytes());
                bytes[8..]
                    .copy_from_slice(&sys::rd_kafka_Uuid_least_significant_bits(id).to_be_bytes());
                Ok(bytes)
            } else {
                Err(code.into())
            };
            described.push((name, answer));
        }
    }
    Ok(described)
}
