//! Answers what touches records: Produce, Fetch and ListOffsets.
//!
//! Tansu's own in-memory storage is not used for these: a fetch that starts inside a producer's
//! batch skips that batch, and the latest offset is that of the last batch, not of the last record
//! (tansu-storage 0.6, `dynostore.rs`). Topics, groups and committed offsets stay with Tansu.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rama::{Context, Service};
use tansu_broker::Error;
use tansu_sans_io::fetch_request::{FetchPartition, FetchTopic};
use tansu_sans_io::fetch_response::{FetchableTopicResponse, PartitionData};
use tansu_sans_io::list_offsets_request::ListOffsetsPartition;
use tansu_sans_io::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use tansu_sans_io::produce_request::PartitionProduceData;
use tansu_sans_io::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use tansu_sans_io::record::deflated::Frame;
use tansu_sans_io::{
    ConfigResource, ErrorCode, FetchRequest, FetchResponse, ListOffsetsRequest,
    ListOffsetsResponse, NULL_TOPIC_ID, ProduceRequest, ProduceResponse,
};
use tansu_storage::{Storage, StorageContainer, TopicId};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::log::PartitionLog;

/// How much of a partition that is not compacted is kept, so that an evening of `kafmesh dev` fits
/// into memory.
const KEPT_BYTES: usize = 32 << 20;

/// The logs of all partitions.
#[derive(Clone, Debug)]
pub(super) struct Records {
    topics: StorageContainer,
    /// By topic id, so that a topic that was deleted and created again starts empty.
    logs: Arc<Mutex<HashMap<([u8; 16], i32), PartitionLog>>>,
    appended: Arc<Notify>,
}

struct Topic {
    id: [u8; 16],
    partitions: i32,
}

impl Records {
    /// Logs for the topics that `topics` knows.
    pub(super) fn new(topics: StorageContainer) -> Self {
        Self {
            topics,
            logs: Arc::default(),
            appended: Arc::default(),
        }
    }

    async fn topic(&self, wanted: TopicId) -> Result<Topic, ErrorCode> {
        let by_id = matches!(wanted, TopicId::Id(_));
        let unknown = || {
            if by_id {
                ErrorCode::UnknownTopicId
            } else {
                ErrorCode::UnknownTopicOrPartition
            }
        };
        let metadata = self
            .topics
            .metadata(Some(&[wanted]))
            .await
            .map_err(|_| ErrorCode::UnknownServerError)?;
        let topic = metadata.topics().first().ok_or_else(unknown)?;
        let partitions = topic.partitions.as_ref().map_or(0, Vec::len);
        match topic.topic_id {
            Some(id) if topic.error_code == i16::from(ErrorCode::None) => Ok(Topic {
                id,
                partitions: i32::try_from(partitions).unwrap_or(i32::MAX),
            }),
            _ => Err(unknown()),
        }
    }

    /// Runs `f` on one partition's log.
    fn with<T>(
        &self,
        topic: &Topic,
        partition: i32,
        f: impl FnOnce(&mut PartitionLog) -> Result<T, ErrorCode>,
    ) -> Result<T, ErrorCode> {
        if partition < 0 || partition >= topic.partitions {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        // A log is consistent after every statement, so a panic elsewhere does not spoil it.
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        f(logs.entry((topic.id, partition)).or_default())
    }

    async fn is_compacted(&self, topic: &str) -> bool {
        let described = self
            .topics
            .describe_config(topic, ConfigResource::Topic, None)
            .await;
        described
            .ok()
            .and_then(|result| result.configs)
            .is_some_and(|configs| {
                configs.iter().any(|config| {
                    config.name == "cleanup.policy"
                        && config
                            .value
                            .as_deref()
                            .is_some_and(|value| value.contains("compact"))
                })
            })
    }
}

/// Produce.
#[derive(Clone, Debug)]
pub(super) struct Produce(pub(super) Records);

impl Produce {
    fn append(
        &self,
        topic: &Result<Topic, ErrorCode>,
        compacted: bool,
        data: PartitionProduceData,
    ) -> PartitionProduceResponse {
        let index = data.index;
        let appended = topic.as_ref().map_err(|error| *error).and_then(|topic| {
            let batches = data.records.map(|frame| frame.batches).unwrap_or_default();
            self.0.with(topic, index, |log| {
                let mut first = None;
                for batch in batches {
                    let offset = log.append(batch)?;
                    first.get_or_insert(offset);
                }
                if !compacted {
                    log.truncate(KEPT_BYTES);
                }
                first
                    .map(|first| (first, log.start()))
                    .ok_or(ErrorCode::InvalidRecord)
            })
        });
        let (error, (base_offset, start)) = match appended {
            Ok(offsets) => (ErrorCode::None, offsets),
            Err(error) => (error, (-1, -1)),
        };
        PartitionProduceResponse::default()
            .index(index)
            .error_code(error.into())
            .base_offset(base_offset)
            .log_append_time_ms(Some(-1))
            .log_start_offset(Some(start))
            .record_errors(Some(Vec::new()))
    }
}

impl Service<(), ProduceRequest> for Produce {
    type Response = ProduceResponse;
    type Error = Error;

    async fn serve(
        &self,
        _: Context<()>,
        request: ProduceRequest,
    ) -> Result<Self::Response, Self::Error> {
        let mut responses = Vec::new();
        for data in request.topic_data.unwrap_or_default() {
            let topic = self.0.topic(TopicId::Name(data.name.clone())).await;
            let compacted = self.0.is_compacted(&data.name).await;
            let partitions = data.partition_data.unwrap_or_default();
            let appended = partitions
                .into_iter()
                .map(|data| self.append(&topic, compacted, data))
                .collect();
            responses.push(
                TopicProduceResponse::default()
                    .name(data.name)
                    .partition_responses(Some(appended)),
            );
        }
        self.0.appended.notify_waiters();
        Ok(ProduceResponse::default()
            .responses(Some(responses))
            .throttle_time_ms(Some(0)))
    }
}

/// Fetch: answers as soon as there is enough to read.
#[derive(Clone, Debug)]
pub(super) struct Fetch(pub(super) Records);

/// What one pass over the wanted partitions found.
struct Found {
    responses: Vec<FetchableTopicResponse>,
    bytes: usize,
    failed: bool,
}

impl Fetch {
    async fn read(&self, topics: &[FetchTopic], max_bytes: usize) -> Found {
        let mut found = Found {
            responses: Vec::new(),
            bytes: 0,
            failed: false,
        };
        for wanted in topics {
            let id = match (&wanted.topic, wanted.topic_id) {
                (Some(name), _) if !name.is_empty() => TopicId::Name(name.clone()),
                (_, id) => TopicId::from(id.unwrap_or(NULL_TOPIC_ID)),
            };
            let topic = self.0.topic(id).await;
            let mut partitions = Vec::new();
            for partition in wanted.partitions.iter().flatten() {
                partitions.push(self.read_partition(&topic, partition, max_bytes, &mut found));
            }
            found.responses.push(
                FetchableTopicResponse::default()
                    .topic(wanted.topic.clone())
                    .topic_id(wanted.topic_id)
                    .partitions(Some(partitions)),
            );
        }
        found
    }

    fn read_partition(
        &self,
        topic: &Result<Topic, ErrorCode>,
        wanted: &FetchPartition,
        max_bytes: usize,
        found: &mut Found,
    ) -> PartitionData {
        let room = max_bytes.saturating_sub(found.bytes);
        let limit = room.min(usize::try_from(wanted.partition_max_bytes).unwrap_or(0));
        let mut watermarks = (-1, -1);
        let read = topic.as_ref().map_err(|error| *error).and_then(|topic| {
            self.0.with(topic, wanted.partition, |log| {
                watermarks = (log.start(), log.end());
                // The limit gives way to progress for the first partition only (KIP-74).
                if room == 0 && found.bytes > 0 {
                    return Ok(Vec::new());
                }
                log.read(wanted.fetch_offset, limit)
            })
        });
        let (error, batches) = match read {
            Ok(batches) => (ErrorCode::None, batches),
            Err(error) => (error, Vec::new()),
        };
        found.failed |= error != ErrorCode::None;
        found.bytes += batches
            .iter()
            .map(|batch| batch.record_data.len())
            .sum::<usize>();
        PartitionData::default()
            .partition_index(wanted.partition)
            .error_code(error.into())
            .high_watermark(watermarks.1)
            .last_stable_offset(Some(watermarks.1))
            .log_start_offset(Some(watermarks.0))
            .aborted_transactions(Some(Vec::new()))
            .preferred_read_replica(Some(-1))
            .records((!batches.is_empty()).then_some(Frame { batches }))
    }
}

impl Service<(), FetchRequest> for Fetch {
    type Response = FetchResponse;
    type Error = Error;

    async fn serve(
        &self,
        _: Context<()>,
        request: FetchRequest,
    ) -> Result<Self::Response, Self::Error> {
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
        let deadline = Instant::now() + wait;
        let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0);
        let max_bytes = request
            .max_bytes
            .and_then(|bytes| usize::try_from(bytes).ok())
            .unwrap_or(usize::MAX);
        let topics = request.topics.unwrap_or_default();
        let found = loop {
            let appended = self.0.appended.notified();
            tokio::pin!(appended);
            // Registered before reading, so that an append in between is not missed.
            appended.as_mut().enable();
            let found = self.read(&topics, max_bytes).await;
            if found.failed || found.bytes >= min_bytes || Instant::now() >= deadline {
                break found;
            }
            // Time over is an answer too: an empty one.
            tokio::time::timeout_at(deadline, appended).await.ok();
        };
        Ok(FetchResponse::default()
            .throttle_time_ms(Some(0))
            .error_code(Some(ErrorCode::None.into()))
            .session_id(Some(0))
            .node_endpoints(Some(Vec::new()))
            .responses(Some(found.responses)))
    }
}

/// ListOffsets.
#[derive(Clone, Debug)]
pub(super) struct ListOffsets(pub(super) Records);

impl ListOffsets {
    fn find(
        &self,
        topic: &Result<Topic, ErrorCode>,
        wanted: &ListOffsetsPartition,
    ) -> ListOffsetsPartitionResponse {
        let found = topic.as_ref().map_err(|error| *error).and_then(|topic| {
            self.0.with(topic, wanted.partition_index, |log| {
                Ok(match wanted.timestamp {
                    // The special values of ListOffsetsRequest.json; with one replica and nothing
                    // in a second tier, the local start (-4) is the start.
                    -1 => (log.end(), -1),
                    -2 | -4 => (log.start(), -1),
                    timestamp => log.find_time(timestamp).unwrap_or((-1, -1)),
                })
            })
        });
        let (error, (offset, timestamp)) = match found {
            Ok(found) => (ErrorCode::None, found),
            Err(error) => (error, (-1, -1)),
        };
        ListOffsetsPartitionResponse::default()
            .partition_index(wanted.partition_index)
            .error_code(error.into())
            .timestamp(Some(timestamp))
            .offset(Some(offset))
            .leader_epoch(Some(0))
    }
}

impl Service<(), ListOffsetsRequest> for ListOffsets {
    type Response = ListOffsetsResponse;
    type Error = Error;

    async fn serve(
        &self,
        _: Context<()>,
        request: ListOffsetsRequest,
    ) -> Result<Self::Response, Self::Error> {
        let mut responses = Vec::new();
        for wanted in request.topics.unwrap_or_default() {
            let topic = self.0.topic(TopicId::Name(wanted.name.clone())).await;
            let partitions = wanted.partitions.unwrap_or_default();
            responses.push(
                ListOffsetsTopicResponse::default()
                    .name(wanted.name)
                    .partitions(Some(
                        partitions
                            .iter()
                            .map(|wanted| self.find(&topic, wanted))
                            .collect(),
                    )),
            );
        }
        Ok(ListOffsetsResponse::default()
            .throttle_time_ms(Some(0))
            .topics(Some(responses)))
    }
}
