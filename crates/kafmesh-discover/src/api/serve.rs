//! The port: HTTP/1.1 and HTTP/2, plain or over TLS, until it is told to stop.

use std::future::ready;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use futures_util::{Stream, StreamExt as _};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use kafmesh_port::{Error, Files, Tls};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::config::ServerTls;

/// How many connections are open at once; further ones wait to be accepted.
const CONNECTIONS: usize = 1024;

/// How long a client may take to ask, from when it has connected or was answered, to the last line of
/// the head of its request. Connections that are not used are closed by it, too.
const HEAD: Duration = Duration::from_secs(10);

/// How often a client of HTTP/2 is asked whether it is still there, and how long it may take to answer.
const PING: Duration = Duration::from_secs(20);

/// What a port speaks TLS with.
///
/// With authorities for client certificates, a connection without one is let in, and its requests are
/// refused but for those that are open to everybody; one with a certificate of somebody else is not.
///
/// # Errors
///
/// A file cannot be read or used; the error names it.
pub fn tls(files: &ServerTls) -> Result<Tls, Error> {
    Tls::read(Files {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        client_ca: files.client_ca.clone(),
        anonymous: true,
    })
}

/// Serves until `stop`; then lets requests under way end, for `grace` at most. Certificates of `tls` that
/// are renewed are used from then on.
pub async fn serve(
    socket: TcpListener,
    tls: Option<Tls>,
    router: Router,
    stop: CancellationToken,
    grace: Duration,
) {
    let cut = async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    let accepted = kafmesh_port::connections(socket);
    let served = async {
        let Some(tls) = tls else {
            let peer = Peer { certified: false };
            let connections =
                accepted.filter_map(move |stream| ready(stream.ok().map(|stream| (stream, peer))));
            return answer(connections, CONNECTIONS, router, &stop).await;
        };
        let connections = tls.accept(accepted).filter_map(|stream| {
            ready(stream.ok().map(|stream| {
                let certified = stream.get_ref().1.peer_certificates().is_some();
                (stream, Peer { certified })
            }))
        });
        tokio::select! {
            () = answer(connections, CONNECTIONS, router, &stop) => {}
            () = tls.follow() => {}
        }
    };
    tokio::select! { () = served => {}, () = cut => {} }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// Whether it has shown a certificate that an authority of ours has signed.
    pub(super) certified: bool,
}

/// Answers on up to `most` connections at once, until `stop` and until the last of them has ended.
async fn answer<Io>(
    connections: impl Stream<Item = (Io, Peer)>,
    most: usize,
    router: Router,
    stop: &CancellationToken,
) where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut open = JoinSet::new();
    {
        let mut connections = pin!(connections);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                next = connections.next(), if open.len() < most => {
                    let Some((stream, peer)) = next else { break };
                    open.spawn(connection(stream, peer, router.clone(), stop.clone()));
                }
                Some(_) = open.join_next() => {}
            }
        }
        // Nothing is accepted from here on.
    }
    while open.join_next().await.is_some() {}
}

/// Answers the requests of one connection.
async fn connection<Io>(stream: Io, peer: Peer, router: Router, stop: CancellationToken)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let asked = Arc::new(AtomicBool::new(false));
    let asks = asked.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        asks.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    // The time of hyper begins once it knows which protocol it is.
    let mut first = pin!(tokio::time::sleep(HEAD));
    let (mut is_new, mut ends) = (true, false);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!("a connection ended early: {error}");
                }
                return;
            }
            () = &mut first, if is_new => {
                if !asked.load(Ordering::Relaxed) {
                    tracing::debug!("a connection without a request within {HEAD:?} is closed");
                    return;
                }
                is_new = false;
            }
            () = stop.cancelled(), if !ends => {
                ends = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::sync::mpsc;
    use tokio_stream::wrappers::ReceiverStream;

    use super::*;

    /// A port without network, and how to connect to it.
    fn port(most: usize) -> (mpsc::Sender<(DuplexStream, Peer)>, CancellationToken) {
        let (connect, connections) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let router = Router::new().route("/", get(async || "hello"));
        tokio::spawn(async move {
            answer(ReceiverStream::new(connections), most, router, &stopped).await;
        });
        (connect, stop)
    }

    async fn connect(port: &mpsc::Sender<(DuplexStream, Peer)>) -> DuplexStream {
        let (client, server) = duplex(4096);
        let peer = Peer { certified: false };
        port.send((server, peer)).await.unwrap();
        client
    }

    async fn ask(client: &mut DuplexStream) -> String {
        let request = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
        client.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"hello") {
            assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0, "{answer:?}");
        }
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_long_to_ask_is_cut_off() {
        for begun in ["", "PRI * HT", "GET / HTTP/1.1\r\nhost: local"] {
            let (port, _stop) = port(8);
            let mut client = connect(&port).await;
            client.write_all(begun.as_bytes()).await.unwrap();
            let mut rest = Vec::new();
            let ended = tokio::time::timeout(2 * HEAD, client.read_to_end(&mut rest)).await;
            assert!(ended.is_ok(), "{begun:?} keeps a connection open");
        }
        // The same after a request that was in time.
        let (port, _stop) = port(8);
        let mut client = connect(&port).await;
        ask(&mut client).await;
        client.write_all(b"GET / HT").await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(3 * HEAD, client.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "a second request keeps a connection open");
    }

    #[tokio::test]
    async fn connections_are_bounded() {
        let (port, _stop) = port(2);
        let (mut first, mut second) = (connect(&port).await, connect(&port).await);
        ask(&mut first).await;
        ask(&mut second).await;
        let mut third = connect(&port).await;
        // It waits where it was put: there is no room for another.
        ask(&mut first).await;
        assert_eq!(port.capacity(), 0);
        drop(second);
        ask(&mut third).await;
        assert_eq!(port.capacity(), 1);
    }
}
