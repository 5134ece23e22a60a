//! The connections that come in at the port, for as long as it is open.

use std::io;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tonic::transport::server::TcpIncoming;

/// When a silent connection is asked by TCP whether its other end is there, again how often, and how many
/// times. HTTP/2 asks earlier; this is for the others, and for those that have not yet said what they are.
const SILENT: Duration = Duration::from_secs(60);
const ASK_EVERY: Duration = Duration::from_secs(10);
const ASK_TIMES: u32 = 3;

/// How long nothing is accepted after the system refused to: that lasts for a while, as when too many files
/// are open, and the server would ask again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// How often that is told while it lasts.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// What comes in at `listener`.
pub(super) fn connections(
    listener: TcpListener,
) -> impl Stream<Item = io::Result<TcpStream>> + Send + Unpin {
    let incoming = TcpIncoming::from(listener)
        .with_nodelay(Some(true))
        .with_keepalive(Some(SILENT))
        .with_keepalive_interval(Some(ASK_EVERY))
        .with_keepalive_retries(Some(ASK_TIMES));
    Box::pin(patient(incoming))
}

/// `incoming` without errors, and with a pause after those that are not one connection's alone.
fn patient<T>(
    incoming: impl Stream<Item = io::Result<T>> + Unpin,
) -> impl Stream<Item = io::Result<T>> {
    let warned: Option<Instant> = None;
    stream::unfold((incoming, warned), async |(mut incoming, mut warned)| {
        loop {
            match incoming.next().await? {
                Ok(connection) => return Some((Ok(connection), (incoming, warned))),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    if warned.is_none_or(|warned| warned.elapsed() >= WARN_EVERY) {
                        tracing::warn!(%error, "the port cannot take another connection, trying again until it can");
                        warned = Some(Instant::now());
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    })
}

/// Whether the connection ended before it was accepted; the next one may be well.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_port_that_cannot_accept_is_tried_again_after_a_pause() {
        // Too many open files, in this process and in the system (EMFILE, ENFILE).
        let lasting = [24, 23, 24].map(|code| Err(io::Error::from_raw_os_error(code)));
        let aborted = Err(io::ErrorKind::ConnectionAborted.into());
        let incoming = lasting.into_iter().chain([aborted, Ok("one"), Ok("two")]);
        let began = Instant::now();
        let accepted: Vec<_> = patient(stream::iter(incoming))
            .map(|accepted| (accepted.unwrap(), began.elapsed()))
            .collect()
            .await;
        let after = 3 * PAUSE;
        assert_eq!(accepted, [("one", after), ("two", after)]);
    }
}
