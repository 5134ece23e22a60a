//! The connections that come in at a port, for as long as it is open.

use std::io;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_stream::wrappers::TcpListenerStream;

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

/// What comes in at `listener`, without end and without errors: what keeps one connection from being
/// accepted concerns no other, and what keeps all of them is logged and tried again after a pause.
///
/// Small messages are sent at once (`TCP_NODELAY`), and a client that is gone without a word is found
/// out within 90 seconds.
///
/// ```
/// use futures_util::StreamExt as _;
/// use tokio::net::{TcpListener, TcpStream};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let client = TcpStream::connect(listener.local_addr()?).await?;
/// let accepted = kafmesh_port::connections(listener).next().await.unwrap()?;
/// assert_eq!(accepted.peer_addr()?, client.local_addr()?);
/// # Ok(())
/// # }
/// ```
pub fn connections(
    listener: TcpListener,
) -> impl Stream<Item = io::Result<TcpStream>> + Send + Unpin {
    let accepted = patient(TcpListenerStream::new(listener));
    Box::pin(accepted.map(|connection| {
        set_up(&connection);
        Ok(connection)
    }))
}

/// Without these settings a connection does its work, too, later than it might.
fn set_up(connection: &TcpStream) {
    let keepalive = TcpKeepalive::new()
        .with_time(SILENT)
        .with_interval(ASK_EVERY)
        .with_retries(ASK_TIMES);
    let set = connection
        .set_nodelay(true)
        .and_then(|()| SockRef::from(connection).set_tcp_keepalive(&keepalive));
    if let Err(error) = set {
        tracing::debug!(%error, "the settings of a connection could not be changed");
    }
}

/// `incoming` without errors, and with a pause after those that are not one connection's alone.
fn patient<T>(incoming: impl Stream<Item = io::Result<T>> + Unpin) -> impl Stream<Item = T> {
    let warned: Option<Instant> = None;
    stream::unfold((incoming, warned), async |(mut incoming, mut warned)| {
        loop {
            match incoming.next().await? {
                Ok(connection) => return Some((connection, (incoming, warned))),
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
            .map(|accepted| (accepted, began.elapsed()))
            .collect()
            .await;
        let after = 3 * PAUSE;
        assert_eq!(accepted, [("one", after), ("two", after)]);
    }

    #[tokio::test]
    async fn small_messages_are_sent_at_once_and_the_vanished_found_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let _client = TcpStream::connect(address).await.unwrap();
        let accepted = connections(listener).next().await.unwrap().unwrap();
        assert!(accepted.nodelay().unwrap());
        assert!(SockRef::from(&accepted).keepalive().unwrap());
    }
}
