//! Queues of librdkafka, the events in them, and answers that arrive in one.
#![allow(
    unsafe_code,
    reason = "rdkafka polls queues with a thread that waits, and not as a future"
)]

use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;
use std::time::Duration;

use ::rdkafka::bindings as sys;
use ::rdkafka::bindings::rd_kafka_resp_err_t as Response;
use ::rdkafka::types::RDKafkaErrorCode;
use tokio::sync::Notify;

use super::memory::text;

/// A queue of librdkafka that tells when it is no longer empty.
pub(super) struct Queue {
    pub(super) queue: NonNull<sys::rd_kafka_queue_t>,
    pub(super) filled: Arc<Notify>,
}

// SAFETY: librdkafka's queues are thread safe.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    /// # Safety
    /// `queue` is ours to destroy, and its client outlives it.
    pub(super) unsafe fn new(queue: NonNull<sys::rd_kafka_queue_t>) -> Self {
        unsafe extern "C" fn wake(_: *mut sys::rd_kafka_t, filled: *mut c_void) {
            // SAFETY: `Queue` keeps the Notify until its `drop` has taken this callback back.
            unsafe { &*filled.cast::<Notify>() }.notify_one();
        }
        let filled = Arc::new(Notify::new());
        // SAFETY: see `wake`.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(
                queue.as_ptr(),
                Some(wake),
                Arc::as_ptr(&filled).cast_mut().cast(),
            )
        };
        // What came before the callback was in place has woken nobody.
        filled.notify_one();
        Self { queue, filled }
    }

    pub(super) fn poll(&self, timeout: Duration) -> Option<Event> {
        let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is valid; the event is ours to destroy.
        NonNull::new(unsafe { sys::rd_kafka_queue_poll(self.queue.as_ptr(), timeout) }).map(Event)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: librdkafka calls `wake` under the queue's lock and takes the same lock here, so it
        // does not run after this; the queue is ours to destroy.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, null_mut());
            sys::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

/// Something a client reports.
pub(super) struct Event(pub(super) NonNull<sys::rd_kafka_event_t>);

// SAFETY: this value alone owns the event, which is bound to no thread.
unsafe impl Send for Event {}

impl Event {
    pub(super) fn kind(&self) -> i32 {
        // SAFETY: the event is valid until `drop`.
        unsafe { sys::rd_kafka_event_type(self.0.as_ptr()) }
    }

    pub(super) fn error(&self) -> Option<RDKafkaErrorCode> {
        // SAFETY: as above.
        let error = unsafe { sys::rd_kafka_event_error(self.0.as_ptr()) };
        (error != Response::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| error.into())
    }

    pub(super) fn error_text(&self) -> String {
        // SAFETY: the text lives as long as the event.
        unsafe { text(sys::rd_kafka_event_error_string(self.0.as_ptr())) }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: this value owns the event.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

/// An answer that is under way.
pub(super) struct Reply<T> {
    pub(super) queue: Queue,
    _client: T,
}

impl<T> Reply<T> {
    pub(super) fn queue(client: T, native: *mut sys::rd_kafka_t) -> Self {
        // SAFETY: the client is valid, and the reply holds on to it; librdkafka aborts rather than
        // return null.
        let queue = unsafe { Queue::new(NonNull::new_unchecked(sys::rd_kafka_queue_new(native))) };
        Self {
            queue,
            _client: client,
        }
    }

    pub(super) async fn event(&self) -> Event {
        loop {
            if let Some(event) = self.queue.poll(Duration::ZERO) {
                return event;
            }
            self.queue.filled.notified().await;
        }
    }
}
