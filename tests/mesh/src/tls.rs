//! TLS in front of a server that does not speak it.

use std::net::SocketAddr;
use std::path::PathBuf;

use kafmesh_test_tls::Authority;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Passes on what comes over TLS, with a certificate for `localhost` of an authority of its own.
pub struct TlsFront {
    port: u16,
    files: TempDir,
}

impl TlsFront {
    /// In front of `server`.
    pub async fn start(server: SocketAddr) -> Self {
        crate::choose_cryptography();
        let authority = Authority::new();
        let acceptor = TlsAcceptor::from(authority.issue("localhost").server());
        let files = tempfile::tempdir().unwrap();
        authority.write(files.path());

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that does not like the certificate goes away.
                    let Ok(mut client) = acceptor.accept(client).await else {
                        return;
                    };
                    let mut server = TcpStream::connect(server).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { port, files }
    }

    /// Where it listens, on `localhost` and 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A PEM file with the authority of its certificate.
    pub fn ca(&self) -> PathBuf {
        self.files.path().join("ca.crt")
    }
}
