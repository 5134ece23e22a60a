//! Records on their way to brokers.
#![allow(
    unsafe_code,
    reason = "rdkafka's producers allocate per record, and report each delivery by itself"
)]

use std::ptr::{NonNull, null_mut};
use std::time::Duration;

use ::rdkafka::bindings as sys;
use ::rdkafka::bindings::rd_kafka_resp_err_t as Response;
use ::rdkafka::bindings::rd_kafka_vtype_t as Vtype;
use ::rdkafka::client::Client;
use ::rdkafka::config::ClientConfig;
use ::rdkafka::error::KafkaResult;
use ::rdkafka::types::{RDKafkaErrorCode, RDKafkaType};

use super::topic::Topic;
use crate::kafka::outbox::OutRecord;
use crate::kafka::rdkafka::context::Context;

/// Creates a producer whose delivery reports arrive in bulk, as events of its main queue.
pub(crate) fn producer(config: &ClientConfig, context: Context) -> KafkaResult<Client<Context>> {
    let native = config.create_native_config()?;
    // SAFETY: the configuration is valid until the client takes it.
    unsafe {
        sys::rd_kafka_conf_set_events(
            native.ptr(),
            sys::RD_KAFKA_EVENT_DR | sys::RD_KAFKA_EVENT_ERROR,
        )
    };
    Client::new(config, native, RDKafkaType::RD_KAFKA_PRODUCER, context)
}

/// Hands a record to the client, which copies it.
pub(crate) fn produce(
    client: &Client<Context>,
    topic: &Topic,
    record: &OutRecord<'_>,
    lane: usize,
) -> Result<(), RDKafkaErrorCode> {
    use sys::rd_kafka_vu_s__bindgen_ty_1 as Union;
    use sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 as Memory;

    let set = |vtype, u| sys::rd_kafka_vu_t { vtype, u };
    let memory = |bytes: &[u8]| Memory {
        ptr: bytes.as_ptr().cast_mut().cast(),
        size: bytes.len(),
    };
    let value = record.value.map_or(
        Memory {
            ptr: null_mut(),
            size: 0,
        },
        memory,
    );
    let headers = if record.headers.is_empty() {
        null_mut()
    } else {
        headers(record.headers)
    };
    let fields = [
        set(
            Vtype::RD_KAFKA_VTYPE_RKT,
            Union {
                rkt: topic.0.as_ptr(),
            },
        ),
        set(
            Vtype::RD_KAFKA_VTYPE_PARTITION,
            Union {
                i32_: record.partition,
            },
        ),
        set(
            Vtype::RD_KAFKA_VTYPE_MSGFLAGS,
            Union {
                i: sys::RD_KAFKA_MSG_F_COPY,
            },
        ),
        // 0 makes librdkafka take the present time.
        set(
            Vtype::RD_KAFKA_VTYPE_TIMESTAMP,
            Union {
                i64_: record.timestamp.max(0),
            },
        ),
        set(
            Vtype::RD_KAFKA_VTYPE_KEY,
            Union {
                mem: memory(record.key),
            },
        ),
        set(Vtype::RD_KAFKA_VTYPE_VALUE, Union { mem: value }),
        set(
            Vtype::RD_KAFKA_VTYPE_OPAQUE,
            Union {
                ptr: std::ptr::without_provenance_mut(lane),
            },
        ),
        set(Vtype::RD_KAFKA_VTYPE_HEADERS, Union { headers }),
    ];
    let count = if headers.is_null() {
        fields.len() - 1
    } else {
        fields.len()
    };
    // SAFETY: all pointers are valid during the call, which copies key and value. The headers become
    // the client's if it succeeds and stay ours if it fails; so does a returned error.
    unsafe {
        let Some(error) = NonNull::new(sys::rd_kafka_produceva(
            client.native_ptr(),
            fields.as_ptr(),
            count,
        )) else {
            return Ok(());
        };
        if !headers.is_null() {
            sys::rd_kafka_headers_destroy(headers);
        }
        let code = sys::rd_kafka_error_code(error.as_ptr());
        sys::rd_kafka_error_destroy(error.as_ptr());
        Err(code.into())
    }
}

fn headers(headers: &[(String, Vec<u8>)]) -> *mut sys::rd_kafka_headers_t {
    // SAFETY: librdkafka copies names and values, whose pointers and lengths are valid.
    unsafe {
        let list = sys::rd_kafka_headers_new(headers.len());
        for (name, value) in headers {
            sys::rd_kafka_header_add(
                list,
                name.as_ptr().cast(),
                name.len().cast_signed(),
                value.as_ptr().cast(),
                value.len().cast_signed(),
            );
        }
        list
    }
}

/// How many records the producer holds that are not acknowledged, and reports not yet served.
pub(crate) fn unacknowledged(client: &Client<Context>) -> usize {
    // SAFETY: the client is valid.
    usize::try_from(unsafe { sys::rd_kafka_outq_len(client.native_ptr()) }).unwrap_or(0)
}

/// Sends everything at once and blocks until it is acknowledged or `timeout` is over.
pub(crate) fn flush(client: &Client<Context>, timeout: Duration) -> Result<(), RDKafkaErrorCode> {
    let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client is valid.
    match unsafe { sys::rd_kafka_flush(client.native_ptr(), timeout) } {
        Response::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        error => Err(error.into()),
    }
}

/// Fails every record that is not acknowledged, sent or not; their reports follow.
///
/// Blocks until the threads of the brokers have done it, which an address being looked up may delay.
pub(crate) fn purge(client: &Client<Context>) {
    let all = sys::RD_KAFKA_PURGE_F_QUEUE | sys::RD_KAFKA_PURGE_F_INFLIGHT;
    // SAFETY: the client is valid. It refuses only unknown flags and clients that are no producers.
    unsafe { sys::rd_kafka_purge(client.native_ptr(), all) };
}
