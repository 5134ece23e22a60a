//! Fetch: reads from the logs, and waits for what is not there yet.

use std::time::Duration;

use rama::{Context, Service};
use tansu_broker::Error;
use tansu_sans_io::fetch_request::{FetchPartition, FetchTopic};
use tansu_sans_io::fetch_response::{FetchableTopicResponse, PartitionData};
use tansu_sans_io::record::deflated::Frame;
use tansu_sans_io::{ErrorCode, FetchRequest, FetchResponse, NULL_TOPIC_ID};
use tansu_storage::TopicId;
use tokio::time::Instant;

use super::records::{Records, Topic};

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
