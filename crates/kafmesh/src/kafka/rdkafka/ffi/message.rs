//! Fetched records.
#![allow(
    unsafe_code,
    reason = "records are read where librdkafka has put them, and parsed by it"
)]

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{NonNull, null, null_mut};
use std::sync::{Arc, Mutex};

use ::rdkafka::bindings as sys;
use ::rdkafka::bindings::rd_kafka_resp_err_t as Response;
use ::rdkafka::types::RDKafkaErrorCode;

use super::memory::{bytes, text};
use crate::kafka::rdkafka::client::ConsumerHandle;
use crate::kafka::rdkafka::context::lock;
use crate::kafka::record::{Headers, Record};

/// One fetched record, or an error in its place.
#[repr(transparent)]
pub(crate) struct Message(NonNull<sys::rd_kafka_message_t>);

// SAFETY: the message is plain memory that this value alone owns; librdkafka frees it from any thread.
unsafe impl Send for Message {}
// SAFETY: shared access only reads, except for the headers, which `MessageHeaders` reads under a lock.
unsafe impl Sync for Message {}

impl Message {
    fn raw(&self) -> &sys::rd_kafka_message_t {
        // SAFETY: the pointer is valid until `drop`.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn error(&self) -> Option<RDKafkaErrorCode> {
        let error = self.raw().err;
        (error != Response::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| error.into())
    }

    pub(crate) fn offset(&self) -> i64 {
        self.raw().offset
    }

    /// What librdkafka says about the error that is in the record's place.
    pub(crate) fn error_text(&self) -> String {
        // SAFETY: the text lies in the message, or is static.
        unsafe { text(sys::rd_kafka_message_errstr(self.0.as_ptr())) }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: this value owns the message, and the client outlives it (see the module's docs).
        unsafe { sys::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

/// Fetched records of one partition, in offset order, and nothing else.
pub(crate) struct Messages {
    messages: Box<[Message]>,
    /// Held while librdkafka parses a record's headers, which it does on first use, in place.
    parsing: Mutex<()>,
    _consumer: Arc<ConsumerHandle>,
}

impl Messages {
    pub(in crate::kafka::rdkafka) fn new(
        messages: Box<[Message]>,
        consumer: Arc<ConsumerHandle>,
    ) -> Self {
        Self {
            messages,
            parsing: Mutex::new(()),
            _consumer: consumer,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// The record at `index`, which is below [`len`](Self::len).
    pub(crate) fn record(&self, index: usize) -> Record<'_> {
        let message = &self.messages[index];
        let raw = message.raw();
        // SAFETY: the pointer is valid, and not made from a reference: the timestamp lies behind the
        // public part of the message. Its kind is not asked for.
        let timestamp = unsafe { sys::rd_kafka_message_timestamp(message.0.as_ptr(), null_mut()) };
        Record {
            offset: raw.offset,
            timestamp,
            // SAFETY: librdkafka gives pointer and length of memory that lives as long as the message.
            key: unsafe { bytes(raw.key.cast_const(), raw.key_len) },
            // SAFETY: as for the key.
            value: unsafe { bytes(raw.payload.cast_const(), raw.len) },
            headers: Headers::rdkafka(MessageHeaders {
                message,
                parsing: &self.parsing,
            }),
        }
    }
}

/// The headers of one record.
#[derive(Clone, Copy)]
pub(crate) struct MessageHeaders<'a> {
    message: &'a Message,
    parsing: &'a Mutex<()>,
}

impl<'a> MessageHeaders<'a> {
    /// Name and value of the header at `index`; a header without a value reads as empty.
    pub(crate) fn at(self, index: usize) -> Option<(&'a [u8], &'a [u8])> {
        let parsing = lock(self.parsing);
        let (mut name, mut value, mut size) = (null::<c_char>(), null::<c_void>(), 0);
        // SAFETY: all pointers are valid; the headers belong to the message, which lives for 'a, and
        // are not changed any more once they are parsed, which happens under the lock.
        unsafe {
            let mut headers = null_mut();
            if sys::rd_kafka_message_headers(self.message.0.as_ptr(), &mut headers)
                != Response::RD_KAFKA_RESP_ERR_NO_ERROR
                || sys::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut size)
                    != Response::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                return None;
            }
            drop(parsing);
            Some((
                CStr::from_ptr(name).to_bytes(),
                bytes(value, size).unwrap_or_default(),
            ))
        }
    }
}
