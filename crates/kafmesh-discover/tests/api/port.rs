//! The port: TLS, client certificates, an end in order.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use kafmesh_discover::api;
use kafmesh_discover::config::{Access, ServerTls};
use kafmesh_test_tls::{Authority, Issued};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::fixture::{Fixture, mesh};

/// What takes longer hangs.
const HANG: Duration = Duration::from_secs(60);

/// A port that is being served.
struct Port {
    address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

async fn open(access: Access) -> Port {
    let tls = access.tls.as_ref().map(|files| {
        let tls = api::tls(files).unwrap();
        tls.look_every(Duration::from_millis(10))
    });
    let fixture = Fixture::with(mesh(), access);
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let stop = fixture.parts.stop.clone();
    let router = fixture.router();
    let (stopped, grace) = (stop.clone(), Duration::from_secs(60));
    let server = tokio::spawn(async move {
        // Without its sender, the mesh would end before the port does.
        let _fixture = fixture;
        api::serve(socket, tls, router, stopped, grace).await;
    });
    Port {
        address,
        stop,
        server,
    }
}

/// The files of a port with a certificate of `authority`.
fn files(dir: &Path, authority: &Authority) -> ServerTls {
    let (certificate, key) = authority.issue("localhost").write(dir);
    ServerTls {
        certificate,
        key,
        client_ca: None,
    }
}

async fn request(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    path: &str,
) -> std::io::Result<String> {
    let text = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(text.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8(answer).unwrap())
}

/// Asks over TLS, with a certificate or without.
async fn ask(
    address: SocketAddr,
    authority: &Authority,
    identity: Option<&Issued>,
    path: &str,
) -> std::io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    request(authority.connect(stream, identity).await?, path).await
}

#[tokio::test]
async fn client_certificates_are_asked_for_but_on_the_health_pages() {
    let dir = tempfile::tempdir().unwrap();
    let (servers, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let port = open(Access {
        tls: Some(ServerTls {
            client_ca: Some(clients.write(dir.path())),
            ..files(dir.path(), &servers)
        }),
        ..Access::default()
    })
    .await;

    // A connection that says nothing holds up nobody.
    let _silent = TcpStream::connect(port.address).await.unwrap();
    let known = clients.issue("map");
    let answer = ask(port.address, &servers, Some(&known), "/api/v1/topics")
        .await
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let none = ask(port.address, &servers, None, "/api/v1/topics")
        .await
        .unwrap();
    assert!(none.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{none}");
    assert!(none.contains("urn:kafmesh:problem:certificate"), "{none}");
    let health = ask(port.address, &servers, None, "/health/live")
        .await
        .unwrap();
    assert!(health.starts_with("HTTP/1.1 200 OK\r\n"), "{health}");
    let stranger = strangers.issue("map");
    let refused = ask(port.address, &servers, Some(&stranger), "/health/live").await;
    assert!(refused.is_err(), "{refused:?}");
    let plain = TcpStream::connect(port.address).await.unwrap();
    let plain = request(plain, "/health/live").await.unwrap_or_default();
    assert!(!plain.contains("200 OK"), "{plain}");
}

#[tokio::test]
async fn a_failed_handshake_holds_up_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let port = open(Access {
        tls: Some(files(dir.path(), &authority)),
        ..Access::default()
    })
    .await;
    // Two are under way; one of them fails, the other has its answer with nobody else to wake the port.
    let slow = TcpStream::connect(port.address).await.unwrap();
    let mut wrong = TcpStream::connect(port.address).await.unwrap();
    wrong.write_all(b"this is no TLS\r\n\r\n").await.unwrap();
    let mut refused = Vec::new();
    // An alert, or nothing but the end.
    let _ = wrong.read_to_end(&mut refused).await;
    let slow = authority.connect(slow, None).await.unwrap();
    let answer = timeout(HANG, request(slow, "/health/live")).await;
    let answer = answer.expect("an answer").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (former, renewed) = (Authority::new(), Authority::new());
    let port = open(Access {
        tls: Some(files(dir.path(), &former)),
        ..Access::default()
    })
    .await;
    ask(port.address, &former, None, "/health/live")
        .await
        .unwrap();
    files(dir.path(), &renewed);
    let served = async {
        while ask(port.address, &renewed, None, "/health/live")
            .await
            .is_err()
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(HANG, served).await.expect("the new certificate");
    let past = ask(port.address, &former, None, "/health/live").await;
    assert!(past.is_err(), "{past:?}");
}

#[tokio::test]
async fn a_stop_ends_streams_and_the_port() {
    let port = open(Access::default()).await;
    let mut stream = TcpStream::connect(port.address).await.unwrap();
    stream
        .write_all(b"GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut begun = Vec::new();
    while !String::from_utf8_lossy(&begun).contains("event: hello") {
        assert_ne!(stream.read_buf(&mut begun).await.unwrap(), 0);
    }
    port.stop.cancel();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.ends_with(b"0\r\n\r\n"), "the stream ends in order");
    port.server.await.unwrap();
}
