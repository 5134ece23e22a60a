//! Asks one process what it is.

use std::time::Duration;

use bytes::{Buf, Bytes};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::answer::{self, Invalid};
use crate::dial::{Dialer, Error};
use crate::mesh::description::Description;
use crate::mesh::pod::{FailureKind, Instance, Pod};

/// What kafmesh for Rust serves, and what kafmesh for Go does; both take an empty request.
const DISCOVER: &str = "/kafmesh.discover.v1.Discover/GetServiceInfo";
const DISCOVERY: &str = "/kafmesh.discovery.v1.DiscoveryAPI/GetServiceInfo";

/// How processes are asked.
#[derive(Debug, Clone)]
pub(super) struct Asking {
    pub(super) dialer: Dialer,
    /// For everything: name, connection, both calls.
    pub(super) timeout: Duration,
    /// Longest answer, in bytes.
    pub(super) limit: usize,
}

impl Asking {
    /// Asks `pod`.
    pub(super) async fn ask(&self, pod: &Pod) -> Result<(Instance, Description), Error> {
        let asked = async {
            let channel = self.dialer.dial(pod).await?;
            let mut client = Grpc::new(channel).max_decoding_message_size(self.limit);
            let read = match call(&mut client, DISCOVER).await {
                Ok(bytes) => answer::discover(&bytes),
                Err(status) if status.code() == Code::Unimplemented => {
                    match call(&mut client, DISCOVERY).await {
                        Ok(bytes) => answer::discovery(&bytes),
                        Err(status) => return Err(self.refused(pod, &status)),
                    }
                }
                Err(status) => return Err(self.refused(pod, &status)),
            };
            read.map_err(|invalid| undescribed(pod, &invalid))
        };
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(
                pod,
                FailureKind::Timeout,
                format!(
                    "no whole answer within {:?}; check whether the process hangs, and that the \
                     port is that of gRPC",
                    self.timeout
                ),
            )),
        }
    }

    fn refused(&self, pod: &Pod, status: &Status) -> Error {
        let error = Error::of_status(pod, status);
        match error.kind {
            FailureKind::Unsupported => Error::new(
                pod,
                FailureKind::Unsupported,
                "it serves neither kafmesh.discover.v1.Discover nor \
                 kafmesh.discovery.v1.DiscoveryAPI; check that the port is that of kafmesh \
                 (annotation kafmesh/port)",
            ),
            FailureKind::TooLarge => Error::new(
                pod,
                FailureKind::TooLarge,
                format!(
                    "its answer is longer than {} bytes; if that is right, allow more with \
                     --scrape-limit",
                    self.limit
                ),
            ),
            _ => error,
        }
    }
}

fn undescribed(pod: &Pod, invalid: &Invalid) -> Error {
    let why = format!("{invalid}; check that the process is one of kafmesh, and its definition");
    Error::new(pod, FailureKind::Invalid, why)
}

async fn call(client: &mut Grpc<Channel>, path: &'static str) -> Result<Bytes, Status> {
    client.ready().await.map_err(|error| {
        let mut status = Status::unavailable(error.to_string());
        status.set_source(std::sync::Arc::new(error));
        status
    })?;
    let path = PathAndQuery::from_static(path);
    let response = client.unary(Request::new(()), path, Undecoded).await?;
    Ok(response.into_inner())
}

/// An empty request, and an answer whose bytes are looked at before they are decoded.
struct Undecoded;

impl Codec for Undecoded {
    type Encode = ();
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Undecoded {
    type Item = ();
    type Error = Status;

    fn encode(&mut self, (): (), _: &mut EncodeBuf<'_>) -> Result<(), Status> {
        Ok(())
    }
}

impl Decoder for Undecoded {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(bytes.copy_to_bytes(bytes.remaining())))
    }
}
