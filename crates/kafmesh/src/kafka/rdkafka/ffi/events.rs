//! What a client reports: logs, errors, deliveries.
#![allow(
    unsafe_code,
    reason = "rdkafka reports each delivery by itself, and has no safe form of reports in bulk"
)]

use std::ptr::{NonNull, null};
use std::time::Duration;

use ::rdkafka::bindings as sys;
use ::rdkafka::bindings::rd_kafka_resp_err_t as Response;
use ::rdkafka::client::{Client, ClientContext as _};
use ::rdkafka::config::RDKafkaLogLevel;
use ::rdkafka::error::KafkaError;

use super::memory::text;
use super::queue::{Event, Queue};
use crate::kafka::rdkafka::context::Context;

/// Records of one lane that were delivered, or were not, one after the other.
pub(crate) struct Delivered {
    pub(crate) lane: usize,
    pub(crate) records: u64,
    /// Topic and reason, of the first that was not delivered.
    pub(crate) failure: Option<(String, String)>,
}

/// The main queue of a client that has no safe wrapper to poll it: logs, errors, delivery reports.
pub(crate) struct MainQueue<'a> {
    queue: Queue,
    client: &'a Client<Context>,
}

impl<'a> MainQueue<'a> {
    pub(crate) fn of(client: &'a Client<Context>) -> Option<Self> {
        // SAFETY: the client is valid and, being borrowed, outlives the queue.
        let queue = unsafe {
            Queue::new(NonNull::new(sys::rd_kafka_queue_get_main(
                client.native_ptr(),
            ))?)
        };
        Some(Self { queue, client })
    }

    /// Waits for one event and handles it; delivery reports go to `delivered`.
    pub(crate) fn serve(&self, timeout: Duration, delivered: &mut dyn FnMut(Delivered)) {
        let Some(event) = self.queue.poll(timeout) else {
            return;
        };
        let context = self.client.context();
        match event.kind() {
            sys::RD_KAFKA_EVENT_DR => deliveries(&event, delivered),
            sys::RD_KAFKA_EVENT_LOG => {
                let (mut facility, mut line, mut level) = (null(), null(), 0);
                // SAFETY: the texts live as long as the event.
                unsafe {
                    if sys::rd_kafka_event_log(
                        event.0.as_ptr(),
                        &mut facility,
                        &mut line,
                        &mut level,
                    ) == 0
                    {
                        context.log(log_level(level), &text(facility), &text(line));
                    }
                }
            }
            sys::RD_KAFKA_EVENT_ERROR => {
                if let Some(code) = event.error() {
                    context.error(KafkaError::Global(code), &event.error_text());
                }
            }
            _ => {}
        }
    }
}

/// Counts the records of a report in runs of one lane, so that a lane is looked up once per run.
fn deliveries(event: &Event, delivered: &mut dyn FnMut(Delivered)) {
    let mut run: Option<Delivered> = None;
    // SAFETY: each message lives as long as the event and is only read.
    while let Some(message) = unsafe { sys::rd_kafka_event_message_next(event.0.as_ptr()).as_ref() }
    {
        let lane = message._private.addr();
        if run.as_ref().is_none_or(|run| run.lane != lane)
            && let Some(ended) = run.replace(Delivered {
                lane,
                records: 0,
                failure: None,
            })
        {
            delivered(ended);
        }
        if let Some(run) = &mut run {
            run.records += 1;
            if message.err != Response::RD_KAFKA_RESP_ERR_NO_ERROR && run.failure.is_none() {
                // SAFETY: a delivery report always names its topic, as static or owned text.
                let topic = unsafe { text(sys::rd_kafka_topic_name(message.rkt)) };
                run.failure = Some((topic, crate::kafka::rdkafka::reason(message.err.into())));
            }
        }
    }
    if let Some(ended) = run {
        delivered(ended);
    }
}

/// The levels of syslog, which librdkafka numbers as syslog does.
fn log_level(level: i32) -> RDKafkaLogLevel {
    match level {
        ..=3 => RDKafkaLogLevel::Error,
        4 => RDKafkaLogLevel::Warning,
        5 => RDKafkaLogLevel::Notice,
        6 => RDKafkaLogLevel::Info,
        _ => RDKafkaLogLevel::Debug,
    }
}
