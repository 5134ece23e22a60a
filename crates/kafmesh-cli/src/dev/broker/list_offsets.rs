//! ListOffsets: where logs begin and end, and which record was the first since a time.

use rama::{Context, Service};
use tansu_broker::Error;
use tansu_sans_io::list_offsets_request::ListOffsetsPartition;
use tansu_sans_io::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use tansu_sans_io::{ErrorCode, ListOffsetsRequest, ListOffsetsResponse};
use tansu_storage::TopicId;

use super::records::{Records, Topic};

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
