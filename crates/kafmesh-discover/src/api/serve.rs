//! The port: HTTP/1.1 and HTTP/2, plain or over TLS, until it is told to stop.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::config::ServerTls;

/// How long a client may take for the handshake of TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How many handshakes are under way at once; further connections wait.
const HANDSHAKES: usize = 256;

/// Why a port cannot speak TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A PEM file cannot be read, or holds something else.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file holds no certificate.
    #[error("{}: no certificate in it; it must be in PEM form", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not belong together.
    #[error("{} and {}: {source}", certificate.display(), key.display())]
    Pair {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of its key.
        key: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// The authorities for client certificates cannot be used.
    #[error("{}: {source}", path.display())]
    ClientAuthority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: VerifierBuilderError,
    },
}

/// What a port speaks TLS with.
///
/// With authorities for client certificates, a connection without one is let in, and its requests are
/// refused but for those that are open to everybody; one with a certificate of somebody else is not.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// A file cannot be read or used; the error names it.
    pub fn read(files: &ServerTls) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|source| pair(files, source))?;
        let builder = match &files.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    roots
                        .add(certificate)
                        .map_err(|source| file(path, source))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                    .allow_unauthenticated()
                    .build()
                    .map_err(|source| TlsError::ClientAuthority {
                        path: path.clone(),
                        source,
                    })?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let key = read(&files.key)?;
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|source| file(&files.key, source))?;
        let mut config = builder
            .with_single_cert(certificates(&files.certificate)?, key)
            .map_err(|source| pair(files, source))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| file(path, source))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, pem::Error>>()
        .map_err(|source| file(path, source))?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate {
            path: path.to_owned(),
        });
    }
    Ok(certificates)
}

fn file(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        source: source.into(),
    }
}

fn pair(files: &ServerTls, source: rustls::Error) -> TlsError {
    TlsError::Pair {
        certificate: files.certificate.clone(),
        key: files.key.clone(),
        source,
    }
}

/// Serves until `stop`; then lets requests under way end, for `grace` at most.
///
/// # Errors
///
/// The socket is no longer usable.
pub async fn serve(
    socket: TcpListener,
    tls: Option<Tls>,
    router: Router,
    stop: CancellationToken,
    grace: Duration,
) -> io::Result<()> {
    let service = router.into_make_service_with_connect_info::<Peer>();
    let stopped = stop.clone().cancelled_owned();
    let cut = async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    match tls {
        None => {
            let server = axum::serve(socket, service).with_graceful_shutdown(stopped);
            tokio::select! { served = server.into_future() => served, () = cut => Ok(()) }
        }
        Some(Tls(acceptor)) => {
            let listener = TlsListener {
                socket,
                acceptor,
                handshakes: JoinSet::new(),
            };
            let server = axum::serve(listener, service).with_graceful_shutdown(stopped);
            tokio::select! { served = server.into_future() => served, () = cut => Ok(()) }
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    /// Whether it has shown a certificate that an authority of ours has signed.
    pub(super) certified: bool,
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(_: IncomingStream<'_, TcpListener>) -> Self {
        Self { certified: false }
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        *stream.remote_addr()
    }
}

/// Accepts connections whose handshakes are done; those that take their time hold up no other.
struct TlsListener {
    socket: TcpListener,
    acceptor: TlsAcceptor,
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, Peer)>>,
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = Peer;

    async fn accept(&mut self) -> (Self::Io, Peer) {
        loop {
            tokio::select! {
                (stream, address) = Listener::accept(&mut self.socket),
                    if self.handshakes.len() < HANDSHAKES =>
                {
                    self.handshakes.spawn(shake_hands(self.acceptor.clone(), stream, address));
                }
                Some(Ok(Some(connection))) = self.handshakes.join_next() => return connection,
                // Only what has failed is left, or nothing.
                else => {}
            }
        }
    }

    fn local_addr(&self) -> io::Result<Peer> {
        self.socket.local_addr().map(|_| Peer { certified: false })
    }
}

async fn shake_hands(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
) -> Option<(TlsStream<TcpStream>, Peer)> {
    match timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let certified = stream.get_ref().1.peer_certificates().is_some();
            Some((stream, Peer { certified }))
        }
        Ok(Err(e)) => {
            tracing::debug!(peer = %address, "no TLS: {e}");
            None
        }
        Err(_) => {
            tracing::debug!(peer = %address, "the handshake of TLS took longer than {HANDSHAKE:?}");
            None
        }
    }
}
