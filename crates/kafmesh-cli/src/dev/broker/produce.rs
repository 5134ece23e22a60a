//! Produce: appends to the logs.

use rama::{Context, Service};
use tansu_broker::Error;
use tansu_sans_io::produce_request::PartitionProduceData;
use tansu_sans_io::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use tansu_sans_io::{ErrorCode, ProduceRequest, ProduceResponse};
use tansu_storage::TopicId;

use super::records::{Records, Topic};

/// How much of a partition that is not compacted is kept, so that an evening of `kafmesh dev` fits
/// into memory.
const KEPT_BYTES: usize = 32 << 20;

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
