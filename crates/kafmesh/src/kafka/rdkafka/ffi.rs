//! The calls into librdkafka's batch functions, wrapped so that the rest of the module is safe code.
//!
//! Every wrapper owns one librdkafka object, holds the client it belongs to, and destroys the object
//! first: fields are dropped in the order they are declared. librdkafka itself is thread safe.
#![allow(
    unsafe_code,
    reason = "librdkafka is a C library, and rdkafka has no safe form of its batch functions"
)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{NonNull, null, null_mut};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::rdkafka::bindings as sys;
use ::rdkafka::bindings::rd_kafka_resp_err_t as Response;
use ::rdkafka::bindings::rd_kafka_vtype_t as Vtype;
use ::rdkafka::client::{Client, ClientContext as _};
use ::rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use ::rdkafka::consumer::Consumer as _;
use ::rdkafka::error::{KafkaError, KafkaResult};
use ::rdkafka::topic_partition_list::TopicPartitionList;
use ::rdkafka::types::{RDKafkaErrorCode, RDKafkaType};
use tokio::sync::Notify;

use super::client::ConsumerHandle;
use super::context::{Context, lock};
use crate::kafka::outbox::OutRecord;
use crate::kafka::record::{Headers, Record};

/// One fetched record, or an error in its place.
#[repr(transparent)]
pub(super) struct Message(NonNull<sys::rd_kafka_message_t>);

// SAFETY: the message is plain memory that this value alone owns; librdkafka frees it from any thread.
unsafe impl Send for Message {}
// SAFETY: shared access only reads, except for the headers, which `MessageHeaders` reads under a lock.
unsafe impl Sync for Message {}

impl Message {
    fn raw(&self) -> &sys::rd_kafka_message_t {
        // SAFETY: the pointer is valid until `drop`.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn error(&self) -> Option<RDKafkaErrorCode> {
        let error = self.raw().err;
        (error != Response::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| error.into())
    }

    pub(super) fn offset(&self) -> i64 {
        self.raw().offset
    }

    /// What librdkafka says about the error that is in the record's place.
    pub(super) fn error_text(&self) -> String {
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
    pub(super) fn new(messages: Box<[Message]>, consumer: Arc<ConsumerHandle>) -> Self {
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

/// A partition's fetched records, kept apart from the client's other events.
pub(super) struct PartitionQueue {
    queue: Queue,
    consumer: Arc<ConsumerHandle>,
}

impl PartitionQueue {
    /// Takes the partition's queue out of the client's main queue.
    ///
    /// Before the partition is assigned: what was fetched earlier stays where it is.
    pub(super) fn split(
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
        })
    }

    pub(super) fn consumer(&self) -> &Arc<ConsumerHandle> {
        &self.consumer
    }

    /// Appends up to `limit` records that have been fetched already.
    pub(super) fn take(&self, messages: &mut Vec<Message>, limit: usize) {
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

    /// Resolves when something was fetched since the last time it resolved.
    pub(super) async fn filled(&self) {
        self.queue.filled.notified().await;
    }
}

/// A queue of librdkafka that tells when it is no longer empty.
struct Queue {
    queue: NonNull<sys::rd_kafka_queue_t>,
    filled: Arc<Notify>,
}

// SAFETY: librdkafka's queues are thread safe.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    /// # Safety
    /// `queue` is ours to destroy, and its client outlives it.
    unsafe fn new(queue: NonNull<sys::rd_kafka_queue_t>) -> Self {
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

    fn poll(&self, timeout: Duration) -> Option<Event> {
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
struct Event(NonNull<sys::rd_kafka_event_t>);

// SAFETY: this value alone owns the event, which is bound to no thread.
unsafe impl Send for Event {}

impl Event {
    fn kind(&self) -> i32 {
        // SAFETY: the event is valid until `drop`.
        unsafe { sys::rd_kafka_event_type(self.0.as_ptr()) }
    }

    fn error(&self) -> Option<RDKafkaErrorCode> {
        // SAFETY: as above.
        let error = unsafe { sys::rd_kafka_event_error(self.0.as_ptr()) };
        (error != Response::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| error.into())
    }

    fn error_text(&self) -> String {
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

/// Records of one lane that were delivered, or were not, one after the other.
pub(super) struct Delivered {
    pub(super) lane: usize,
    pub(super) records: u64,
    /// Topic and reason, of the first that was not delivered.
    pub(super) failure: Option<(String, String)>,
}

/// The main queue of a client that has no safe wrapper to poll it: logs, errors, delivery reports.
pub(super) struct MainQueue<'a> {
    queue: Queue,
    client: &'a Client<Context>,
}

impl<'a> MainQueue<'a> {
    pub(super) fn of(client: &'a Client<Context>) -> Option<Self> {
        // SAFETY: the client is valid and, being borrowed, outlives the queue.
        let queue = unsafe {
            Queue::new(NonNull::new(sys::rd_kafka_queue_get_main(
                client.native_ptr(),
            ))?)
        };
        Some(Self { queue, client })
    }

    /// Waits for one event and handles it; delivery reports go to `delivered`.
    pub(super) fn serve(&self, timeout: Duration, delivered: &mut dyn FnMut(Delivered)) {
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
                run.failure = Some((topic, super::reason(message.err.into())));
            }
        }
    }
    if let Some(ended) = run {
        delivered(ended);
    }
}

/// Creates a producer whose delivery reports arrive in bulk, as events of its main queue.
pub(super) fn producer(config: &ClientConfig, context: Context) -> KafkaResult<Client<Context>> {
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

/// A topic of a client, resolved once. Must be dropped before the client.
pub(super) struct Topic(NonNull<sys::rd_kafka_topic_t>);

// SAFETY: librdkafka's topics are thread safe and counted by reference.
unsafe impl Send for Topic {}
// SAFETY: as above.
unsafe impl Sync for Topic {}

impl Topic {
    pub(super) fn new(client: &Client<Context>, name: &str) -> Option<Self> {
        let name = CString::new(name).ok()?;
        // SAFETY: client and name are valid; without a configuration the client's applies.
        NonNull::new(unsafe {
            sys::rd_kafka_topic_new(client.native_ptr(), name.as_ptr(), null_mut())
        })
        .map(Self)
    }

    /// Begins to fetch `partition` from `offset`, without a group.
    pub(super) fn start(&self, partition: i32, offset: i64) -> Result<(), RDKafkaErrorCode> {
        // SAFETY: the topic is valid; the error is the one of this thread's last call.
        match unsafe { sys::rd_kafka_consume_start(self.0.as_ptr(), partition, offset) } {
            0 => Ok(()),
            _ => Err(unsafe { sys::rd_kafka_last_error() }.into()),
        }
    }

    /// Ends what [`start`](Self::start) began. Returns when the client's main thread has done it.
    pub(super) fn stop(&self, partition: i32) {
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

/// Hands a record to the client, which copies it.
pub(super) fn produce(
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
pub(super) fn unacknowledged(client: &Client<Context>) -> usize {
    // SAFETY: the client is valid.
    usize::try_from(unsafe { sys::rd_kafka_outq_len(client.native_ptr()) }).unwrap_or(0)
}

/// Sends everything at once and blocks until it is acknowledged or `timeout` is over.
pub(super) fn flush(client: &Client<Context>, timeout: Duration) -> Result<(), RDKafkaErrorCode> {
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
pub(super) fn purge(client: &Client<Context>) {
    let all = sys::RD_KAFKA_PURGE_F_QUEUE | sys::RD_KAFKA_PURGE_F_INFLIGHT;
    // SAFETY: the client is valid. It refuses only unknown flags and clients that are no producers.
    unsafe { sys::rd_kafka_purge(client.native_ptr(), all) };
}

/// An answer that is under way.
pub(super) struct Reply<T> {
    queue: Queue,
    _client: T,
}

impl<T> Reply<T> {
    fn queue(client: T, native: *mut sys::rd_kafka_t) -> Self {
        // SAFETY: the client is valid, and the reply holds on to it; librdkafka aborts rather than
        // return null.
        let queue = unsafe { Queue::new(NonNull::new_unchecked(sys::rd_kafka_queue_new(native))) };
        Self {
            queue,
            _client: client,
        }
    }

    async fn event(&self) -> Event {
        loop {
            if let Some(event) = self.queue.poll(Duration::ZERO) {
                return event;
            }
            self.queue.filled.notified().await;
        }
    }
}

/// Commits `offsets`; the answer is that of the first partition that failed.
pub(super) async fn commit(
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

/// Sets the named settings of a topic and leaves its others as they are; the error is the broker's text.
pub(super) async fn alter_topic<T>(
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

/// # Safety
/// `pointer` is null, or `length` bytes are readable there during `'a`.
unsafe fn bytes<'a>(pointer: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!pointer.is_null()).then(|| unsafe { std::slice::from_raw_parts(pointer.cast(), length) })
}

/// # Safety
/// `pointer` is null or a text that ends with a zero byte.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(pointer) }
        .to_string_lossy()
        .trim()
        .to_owned()
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
