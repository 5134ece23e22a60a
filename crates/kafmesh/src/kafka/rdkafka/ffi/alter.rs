//! Changes to the settings of topics.
#![allow(
    unsafe_code,
    reason = "rdkafka knows only the request that replaces all settings"
)]

use std::ffi::CString;
use std::ptr::null;
use std::sync::Arc;

use ::rdkafka::bindings as sys;
use ::rdkafka::bindings::rd_kafka_resp_err_t as Response;
use ::rdkafka::client::Client;

use super::memory::text;
use super::queue::Reply;
use crate::kafka::rdkafka::context::Context;

/// Sets the named settings of a topic and leaves its others as they are; the error is the broker's text.
pub(crate) async fn alter_topic<T>(
    admin: Arc<T>,
    client: impl Fn(&T) -> &Client<Context>,
    topic: &str,
    changes: &[(String, String)],
) -> Result<(), String> {
    let nul = |_| "a topic's name and settings cannot contain a zero byte".to_owned();
    let name = CString::new(topic).map_err(nul)?;
    let changes = changes
        .iter()
        .map(|(name, value)| {
            Ok((
                CString::new(name.as_str()).map_err(nul)?,
                CString::new(value.as_str()).map_err(nul)?,
            ))
        })
        .collect::<Result<Vec<_>, String>>()?;
    let native = client(&admin).native_ptr();
    let reply = Reply::queue(admin, native);
    // SAFETY: names and values are valid during the calls, which copy them; the resource is destroyed
    // after the request has copied it, and every returned error is ours to destroy.
    unsafe {
        let resource = sys::rd_kafka_ConfigResource_new(
            sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC,
            name.as_ptr(),
        );
        let mut refused = None;
        for (name, value) in &changes {
            let set = sys::rd_kafka_AlterConfigOpType_t::RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET;
            let error = sys::rd_kafka_ConfigResource_add_incremental_config(
                resource,
                name.as_ptr(),
                set,
                value.as_ptr(),
            );
            if !error.is_null() {
                refused = Some(text(sys::rd_kafka_error_string(error)));
                sys::rd_kafka_error_destroy(error);
            }
        }
        if refused.is_none() {
            let mut resources = [resource];
            sys::rd_kafka_IncrementalAlterConfigs(
                native,
                resources.as_mut_ptr(),
                1,
                null(),
                reply.queue.queue.as_ptr(),
            );
        }
        sys::rd_kafka_ConfigResource_destroy(resource);
        if let Some(refused) = refused {
            return Err(refused);
        }
    }
    let event = reply.event().await;
    if event.error().is_some() {
        return Err(event.error_text());
    }
    let mut count = 0;
    // SAFETY: the results live as long as the event and are `count` many.
    unsafe {
        let result = sys::rd_kafka_event_IncrementalAlterConfigs_result(event.0.as_ptr());
        let resources = sys::rd_kafka_IncrementalAlterConfigs_result_resources(result, &mut count);
        for index in 0..count {
            let resource = *resources.add(index);
            if sys::rd_kafka_ConfigResource_error(resource) != Response::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                return Err(text(sys::rd_kafka_ConfigResource_error_string(resource)));
            }
        }
    }
    Ok(())
}
