//! Requests about groups and offsets, all answered through one queue.
#![allow(unsafe_code, reason = "rdkafka has no form of these requests")]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{NonNull, null, null_mut};
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::bindings::rd_kafka_admin_op_t as Op;
use rdkafka::bindings::rd_kafka_consumer_group_state_t as State;
use rdkafka::bindings::rd_kafka_resp_err_t::{
    RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND as NO_GROUP, RD_KAFKA_RESP_ERR_NO_ERROR as NO_ERROR,
    RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION as INVALID_TOPIC,
    RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART as UNKNOWN_TOPIC,
};

use super::answer::{Answer, ListedGroup, Position, Read, refusal, why};
use super::client::Client;

/// Asks a cluster, and collects its answers in the order they come. What is still to come when this
/// is dropped is never seen.
pub(super) struct Requests<'a> {
    client: &'a Client,
    queue: NonNull<sys::rd_kafka_queue_t>,
    timeout: Duration,
    pending: usize,
}

impl<'a> Requests<'a> {
    pub(super) fn new(client: &'a Client, timeout: Duration) -> Self {
        // SAFETY: the client is valid and outlives the queue; librdkafka aborts rather than return null.
        let queue =
            unsafe { NonNull::new_unchecked(sys::rd_kafka_queue_new(client.inner().native_ptr())) };
        Self {
            client,
            queue,
            timeout,
            pending: 0,
        }
    }

    /// How many requests are not answered yet.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// Asks which groups there are.
    pub(super) fn groups(&mut self) {
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, 0);
        // SAFETY: client, options and queue are valid; the request copies the options.
        unsafe {
            sys::rd_kafka_ListConsumerGroups(self.native(), options.0, self.queue.as_ptr());
        }
        self.pending += 1;
    }

    /// Asks whether there are `topics`. It creates none.
    pub(super) fn topics(&mut self, topics: &[&str]) {
        let names: Vec<CString> = topics.iter().filter_map(|name| c_text(name)).collect();
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        if pointers.is_empty() {
            return;
        }
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, 0);
        // SAFETY: as above; the request copies the collection, which is destroyed here.
        unsafe {
            let asked =
                sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            sys::rd_kafka_DescribeTopics(self.native(), asked, options.0, self.queue.as_ptr());
            sys::rd_kafka_TopicCollection_destroy(asked);
        }
        self.pending += 1;
    }

    /// Asks how many members `groups` have.
    pub(super) fn members(&mut self, groups: &[&str]) {
        let names: Vec<CString> = groups.iter().filter_map(|name| c_text(name)).collect();
        let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        if pointers.is_empty() {
            return;
        }
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, 0);
        // SAFETY: as above; the names are valid during the call, which copies them.
        unsafe {
            sys::rd_kafka_DescribeConsumerGroups(
                self.native(),
                pointers.as_mut_ptr(),
                pointers.len(),
                options.0,
                self.queue.as_ptr(),
            );
        }
        self.pending += 1;
    }

    /// Asks for everything `group` has committed; the answer bears `number`.
    pub(super) fn committed(&mut self, number: usize, group: &str) {
        let Some(name) = c_text(group) else { return };
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, number);
        // SAFETY: as above; the request copies what `asked` holds, which is destroyed here.
        unsafe {
            let mut asked = sys::rd_kafka_ListConsumerGroupOffsets_new(name.as_ptr(), null());
            sys::rd_kafka_ListConsumerGroupOffsets(
                self.native(),
                &raw mut asked,
                1,
                options.0,
                self.queue.as_ptr(),
            );
            sys::rd_kafka_ListConsumerGroupOffsets_destroy(asked);
        }
        self.pending += 1;
    }

    /// Asks for the ends of partitions: those that consumers of committed records see.
    pub(super) fn ends<'t>(&mut self, partitions: impl Iterator<Item = (&'t str, i32)>) {
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_LISTOFFSETS, 0);
        // SAFETY: the list is ours from its creation to its end here; the request copies it. The level
        // is one there is, so that setting it cannot fail.
        unsafe {
            sys::rd_kafka_AdminOptions_set_isolation_level(
                options.0,
                sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
            );
            let list = sys::rd_kafka_topic_partition_list_new(0);
            for (topic, partition) in partitions {
                let Some(topic) = c_text(topic) else { continue };
                let entry = sys::rd_kafka_topic_partition_list_add(list, topic.as_ptr(), partition);
                (*entry).offset = LATEST;
            }
            if (*list).cnt > 0 {
                sys::rd_kafka_ListOffsets(self.native(), list, options.0, self.queue.as_ptr());
                self.pending += 1;
            }
            sys::rd_kafka_topic_partition_list_destroy(list);
        }
    }

    /// The next answer; `None` when there is none within `wait`.
    pub(super) fn next(&mut self, wait: Duration) -> Option<Answer> {
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is valid; the event is ours to destroy.
        let event = NonNull::new(unsafe { sys::rd_kafka_queue_poll(self.queue.as_ptr(), wait) })
            .map(Event)?;
        self.pending = self.pending.saturating_sub(1);
        Some(event.answer())
    }

    fn native(&self) -> *mut sys::rd_kafka_t {
        self.client.inner().native_ptr()
    }

    fn options(&self, operation: Op, number: usize) -> Options {
        let timeout = i32::try_from(self.timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the client is valid. Setting the timeout fails only for a value out of its range,
        // which leaves the default. The number travels as a pointer that nobody follows.
        unsafe {
            let options = sys::rd_kafka_AdminOptions_new(self.native(), operation);
            sys::rd_kafka_AdminOptions_set_request_timeout(options, timeout, null_mut(), 0);
            sys::rd_kafka_AdminOptions_set_opaque(options, number as *mut c_void);
            Options(options)
        }
    }
}

impl Drop for Requests<'_> {
    fn drop(&mut self) {
        // SAFETY: the queue is ours; answers that come later find it gone and are dropped.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

/// `OffsetSpec.latest()`, the timestamp that stands for the end in Kafka's protocol.
const LATEST: i64 = -1;

struct Options(*mut sys::rd_kafka_AdminOptions_t);

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: this value owns them.
        unsafe { sys::rd_kafka_AdminOptions_destroy(self.0) }
    }
}

struct Event(NonNull<sys::rd_kafka_event_t>);

impl Event {
    fn answer(&self) -> Answer {
        let event = self.0.as_ptr();
        // SAFETY: the event is valid until `drop`, and so is everything it lends; each function is
        // called for an event of its own kind.
        unsafe {
            let number = sys::rd_kafka_event_opaque(event) as usize;
            let error = sys::rd_kafka_event_error(event);
            let kind = sys::rd_kafka_event_type(event);
            if error != NO_ERROR {
                let said = text(sys::rd_kafka_event_error_string(event));
                let said = Some(said).filter(|said| !said.is_empty());
                let why = refusal(error).or(said).unwrap_or_else(|| why(error));
                return failed(kind, number, why);
            }
            match kind {
                sys::RD_KAFKA_EVENT_LISTCONSUMERGROUPS_RESULT => groups(event),
                sys::RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT => topics(event),
                sys::RD_KAFKA_EVENT_DESCRIBECONSUMERGROUPS_RESULT => members(event),
                sys::RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT => {
                    Answer::Committed(number, committed(event))
                }
                sys::RD_KAFKA_EVENT_LISTOFFSETS_RESULT => ends(event),
                other => failed(other, number, "the answer is none of its kind".to_owned()),
            }
        }
    }
}

fn failed(kind: sys::rd_kafka_event_type_t, number: usize, why: String) -> Answer {
    let what = match kind {
        sys::RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT => {
            return Answer::Committed(number, Err(why));
        }
        sys::RD_KAFKA_EVENT_LISTCONSUMERGROUPS_RESULT => "groups",
        sys::RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT => "declared topics",
        sys::RD_KAFKA_EVENT_DESCRIBECONSUMERGROUPS_RESULT => "the members of groups",
        sys::RD_KAFKA_EVENT_LISTOFFSETS_RESULT => "the ends of partitions",
        _ => "something",
    };
    Answer::Failed(what, why)
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: this value owns the event.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

/// # Safety
/// `event` is valid and a list of groups.
unsafe fn groups(event: *mut sys::rd_kafka_event_t) -> Answer {
    // SAFETY: the caller's promise; lists are as long as is told beside them.
    unsafe {
        let result = sys::rd_kafka_event_ListConsumerGroups_result(event);
        let mut count = 0;
        let listed = sys::rd_kafka_ListConsumerGroups_result_valid(result, &raw mut count);
        let groups = (0..count)
            .map(|index| {
                let group = *listed.add(index);
                let state = sys::rd_kafka_ConsumerGroupListing_state(group);
                ListedGroup {
                    name: text(sys::rd_kafka_ConsumerGroupListing_group_id(group)),
                    state: text(sys::rd_kafka_consumer_group_state_name(state)),
                }
            })
            .collect();
        let mut count = 0;
        let failed = sys::rd_kafka_ListConsumerGroups_result_errors(result, &raw mut count);
        let errors = (0..count)
            .map(|index| text(sys::rd_kafka_error_string(*failed.add(index))))
            .collect();
        Answer::Groups(groups, errors)
    }
}

/// # Safety
/// `event` is valid and a description of topics.
unsafe fn topics(event: *mut sys::rd_kafka_event_t) -> Answer {
    // SAFETY: as above.
    unsafe {
        let result = sys::rd_kafka_event_DescribeTopics_result(event);
        let mut count = 0;
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        let described = (0..count).filter_map(|index| {
            let topic = NonNull::new((*topics.add(index)).cast_mut())?.as_ptr();
            let error = sys::rd_kafka_TopicDescription_error(topic);
            let is_there = match code(error) {
                // No topic can have an invalid name.
                UNKNOWN_TOPIC | INVALID_TOPIC => Ok(false),
                _ => no_error(error).map(|()| true),
            };
            Some((text(sys::rd_kafka_TopicDescription_name(topic)), is_there))
        });
        Answer::Topics(described.collect())
    }
}

/// # Safety
/// `event` is valid and a description of groups.
unsafe fn members(event: *mut sys::rd_kafka_event_t) -> Answer {
    // SAFETY: as above.
    unsafe {
        let result = sys::rd_kafka_event_DescribeConsumerGroups_result(event);
        let mut count = 0;
        let groups = sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
        let described = (0..count)
            .map(|index| {
                let group = *groups.add(index);
                let error = sys::rd_kafka_ConsumerGroupDescription_error(group);
                let members = match sys::rd_kafka_ConsumerGroupDescription_state(group) {
                    // What older brokers say of a group that is not there.
                    State::RD_KAFKA_CONSUMER_GROUP_STATE_DEAD => None,
                    _ => Some(sys::rd_kafka_ConsumerGroupDescription_member_count(group)),
                };
                let members = match code(error) {
                    NO_GROUP => Ok(None),
                    _ => no_error(error).map(|()| members),
                };
                let name = sys::rd_kafka_ConsumerGroupDescription_group_id(group);
                (text(name), members)
            })
            .collect();
        Answer::Members(described)
    }
}

/// # Safety
/// `event` is valid and the offsets of one group.
unsafe fn committed(event: *mut sys::rd_kafka_event_t) -> Read<Vec<Position>> {
    // SAFETY: as above; partitions are null when the group has an error.
    unsafe {
        let result = sys::rd_kafka_event_ListConsumerGroupOffsets_result(event);
        let mut count = 0;
        let groups = sys::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &raw mut count);
        if count == 0 {
            return Err("no group in the answer".to_owned());
        }
        no_error(sys::rd_kafka_group_result_error(*groups))?;
        let partitions = sys::rd_kafka_group_result_partitions(*groups);
        let mut positions = Vec::new();
        if !partitions.is_null() {
            let length = usize::try_from((*partitions).cnt).unwrap_or_default();
            for index in 0..length {
                let partition = (*partitions).elems.add(index);
                // An offset below 0 says that there is no commit.
                if (*partition).err != NO_ERROR || (*partition).offset >= 0 {
                    positions.push(position(partition));
                }
            }
        }
        Ok(positions)
    }
}

/// # Safety
/// `event` is valid and a list of offsets.
unsafe fn ends(event: *mut sys::rd_kafka_event_t) -> Answer {
    // SAFETY: as above.
    unsafe {
        let result = sys::rd_kafka_event_ListOffsets_result(event);
        let mut count = 0;
        let infos = sys::rd_kafka_ListOffsets_result_infos(result, &raw mut count);
        let positions = (0..count).map(|index| {
            let info = *infos.add(index);
            position(sys::rd_kafka_ListOffsetsResultInfo_topic_partition(info))
        });
        Answer::Ends(positions.collect())
    }
}

/// # Safety
/// `partition` is valid.
unsafe fn position(partition: *const sys::rd_kafka_topic_partition_t) -> Position {
    // SAFETY: the caller's promise.
    unsafe {
        let (error, offset) = ((*partition).err, (*partition).offset);
        Position {
            topic: text((*partition).topic),
            partition: (*partition).partition,
            offset: match error {
                NO_ERROR if offset >= 0 => Ok(offset),
                NO_ERROR => Err("the answer has no offset".to_owned()),
                error => Err(why(error)),
            },
        }
    }
}

/// # Safety
/// `error` is null or valid.
unsafe fn no_error(error: *const sys::rd_kafka_error_t) -> Read<()> {
    // SAFETY: the caller's promise.
    unsafe {
        match code(error) {
            NO_ERROR => Ok(()),
            code => Err(refusal(code).unwrap_or_else(|| text(sys::rd_kafka_error_string(error)))),
        }
    }
}

/// # Safety
/// `error` is null or valid.
unsafe fn code(error: *const sys::rd_kafka_error_t) -> sys::rd_kafka_resp_err_t {
    if error.is_null() {
        return NO_ERROR;
    }
    // SAFETY: the caller's promise.
    unsafe { sys::rd_kafka_error_code(error) }
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
        .into_owned()
}

/// No name in Kafka has a zero byte, so one that has is asked for in vain.
fn c_text(name: &str) -> Option<CString> {
    CString::new(name).ok()
}
