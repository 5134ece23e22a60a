//! Watch over gRPC: `kafmesh.watch.v1.WatchAPI`.

use std::pin::Pin;

use futures_util::{Stream, StreamExt as _};
use kafmesh_proto::watch::v1::watch_api_server::WatchApi;
use kafmesh_proto::watch::v1::{ProcessorRequest, ProcessorResponse};
use tonic::{Request, Response, Status};

use super::process::Watching;

#[tonic::async_trait]
impl WatchApi for Watching {
    type ProcessorStream = Pin<Box<dyn Stream<Item = Result<ProcessorResponse, Status>> + Send>>;

    async fn processor(
        &self,
        request: Request<ProcessorRequest>,
    ) -> Result<Response<Self::ProcessorStream>, Status> {
        let asked = request.get_ref();
        let (component, processor) = (&asked.component, &asked.processor);
        let operations = self
            .watch(request.metadata(), component, processor, &asked.key)
            .await?;
        Ok(Response::new(Box::pin(operations.into_stream().map(Ok))))
    }
}
