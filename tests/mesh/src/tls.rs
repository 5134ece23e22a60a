//! TLS in front of a server that does not speak it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
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
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let files = tempfile::tempdir().unwrap();
        let pem = ca.self_signed(&ca_key).unwrap().pem();
        std::fs::write(files.path().join("ca.pem"), pem).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(["localhost".to_owned()])
            .unwrap()
            .signed_by(&key, &Issuer::new(ca, ca_key))
            .unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));

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
        self.files.path().join("ca.pem")
    }
}
