//! The operations of a processor in one pod.

use std::sync::Arc;
use std::time::Duration;

use kafmesh_proto::watch::v1::ProcessorRequest;
use kafmesh_proto::watch::v1::watch_api_client::WatchApiClient;
use prost::Message;
use tonic::metadata::AsciiMetadataValue;
use tonic::{Code, Request, Status};

use super::event::{Event, Failure, FailureKind, Lost, Operation, PodEvent};
use super::{Outlet, Target, WatchToken, Watcher};
use crate::dial;
use crate::mesh::pod::Pod;

/// The longest message of a pod, in bytes: beyond the 1 MiB of JSON that a process sends of an operation, room
/// for the names and keys of all its actions.
const LONGEST: usize = 4 << 20;

/// How long is waited before a pod is asked again: at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Watches a pod until it is aborted; asks again whenever the stream ends.
pub(super) async fn watch(pod: Pod, target: Arc<Target>, watcher: Watcher, outlet: Outlet) {
    let mut told: Option<Failure> = None;
    let mut backoff = BACKOFF.0;
    loop {
        let mut watched = false;
        let failure = ask(&pod, &target, &watcher, &outlet, &mut watched).await;
        if watched {
            (told, backoff) = (None, BACKOFF.0);
        }
        // The same again and again is told once.
        if told.as_ref() != Some(&failure) {
            outlet.tell(Event::Failed(failure.clone())).await;
            told = Some(failure);
        }
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF.1);
    }
}

/// Relays one stream to its end; says why it ended.
async fn ask(
    pod: &Pod,
    target: &Target,
    watcher: &Watcher,
    outlet: &Outlet,
    watched: &mut bool,
) -> Failure {
    let failed = |kind, message: String| Failure {
        pod: Some(pod.key.clone()),
        kind,
        message,
    };
    let channel = match watcher.dialer.dial(pod).await {
        Ok(channel) => channel,
        Err(error) => return failed(FailureKind::Unreachable, error.message),
    };
    let mut request = Request::new(ProcessorRequest {
        component: target.component.clone(),
        processor: target.processor.clone(),
        key: target.key.clone(),
    });
    let token = watcher.token.as_ref().filter(|token| token.is_for(pod));
    if let Some(WatchToken { token, .. }) = token {
        match AsciiMetadataValue::try_from(format!("Bearer {}", token.expose())) {
            Ok(value) => {
                request.metadata_mut().insert("authorization", value);
            }
            Err(_) => {
                let why = "the token configured for pods has characters that no header may have";
                return failed(FailureKind::Token, why.to_owned());
            }
        }
    }
    let mut client = WatchApiClient::new(channel).max_decoding_message_size(LONGEST);
    let mut stream = match client.processor(request).await {
        Ok(response) => response.into_inner(),
        Err(status) => return refused(pod, watcher, &status),
    };
    *watched = true;
    let joined = PodEvent {
        pod: pod.key.clone(),
    };
    outlet.tell(Event::Joined(joined)).await;
    loop {
        let response = match stream.message().await {
            Ok(Some(response)) => response,
            Ok(None) => {
                let why = format!("{} has ended the stream; it is asked again", pod.key);
                return failed(FailureKind::Ended, why);
            }
            Err(status) => return refused(pod, watcher, &status),
        };
        if response.lost > 0 {
            let lost = Lost {
                pod: Some(pod.key.clone()),
                lost: response.lost,
            };
            outlet.tell(Event::Lost(lost)).await;
        }
        if let Some(operation) = response.operation {
            let bytes = operation.encoded_len();
            let operation = Operation::new(pod.key.clone(), operation);
            outlet.offer(Event::Operation(Box::new(operation)), bytes);
        }
    }
}

fn refused(pod: &Pod, watcher: &Watcher, status: &Status) -> Failure {
    let kind = match status.code() {
        Code::Unimplemented => FailureKind::Disabled,
        Code::Unauthenticated | Code::PermissionDenied => FailureKind::Token,
        Code::NotFound => FailureKind::NotRegistered,
        Code::ResourceExhausted => FailureKind::Busy,
        _ => FailureKind::Unreachable,
    };
    let message = match kind {
        FailureKind::Disabled => format!("{} cannot be watched: that is turned off there", pod.key),
        FailureKind::Token => {
            let key = &pod.key;
            match &watcher.token {
                None => format!(
                    "{key} asks for a token; give kafmesh-discover that token with --watch-token-file"
                ),
                Some(token) if token.is_for(pod) => format!(
                    "{key} asks for another token than the one of --watch-token-file; give both the same"
                ),
                Some(_) => format!(
                    "{key} asks for a token, and is not given it: it does not speak TLS, so anybody's pod \
                     could be in its place. Let the pods speak TLS (their annotation kafmesh/tls, and \
                     --pod-ca here), or name their namespace with --namespace, if all who may create pods \
                     there may have the token"
                ),
            }
        }
        FailureKind::NotRegistered => format!("{} does not run the processor", pod.key),
        FailureKind::Busy => format!("as many watch {} as may", pod.key),
        _ => dial::Error::of_status(pod, status).message,
    };
    Failure {
        pod: Some(pod.key.clone()),
        kind,
        message,
    }
}
