//! The PEM files of a port, and what is wrong with them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// What both kinds of clients ask for: gRPC and plain HTTP.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Where the files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The port's certificate, followed by those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities whose certificates clients must present; clients need none without.
    pub client_ca: Option<PathBuf>,
    /// Whether a client may present no certificate all the same, for a port that decides request by
    /// request. One with a certificate of somebody else is never let in.
    pub anonymous: bool,
}

/// One of the [`Files`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// The port's certificate.
    Certificate,
    /// Its private key.
    Key,
    /// The authorities of clients.
    ClientCa,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct Error {
    file: File,
    problem: String,
}

impl Error {
    /// The file that must be changed.
    pub fn file(&self) -> File {
        self.file
    }
}

/// What is in them.
#[derive(PartialEq, Eq)]
pub(crate) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    pub(crate) fn read(&self) -> Result<Contents, Error> {
        let client_ca = self.client_ca.as_deref();
        Ok(Contents {
            certificate: read(File::Certificate, &self.certificate)?,
            key: read(File::Key, &self.key)?,
            client_ca: client_ca.map(|ca| read(File::ClientCa, ca)).transpose()?,
        })
    }

    /// How to answer clients with `contents`.
    pub(crate) fn server_config(&self, contents: &Contents) -> Result<Arc<ServerConfig>, Error> {
        let chain = certificates(File::Certificate, &self.certificate, &contents.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(|_| not_pem(File::Key, &self.key, "private key"))?;
        // Named here, since a program may have several that are enabled.
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(File::Certificate, error))?;
        let config = match (&self.client_ca, &contents.client_ca) {
            (Some(path), Some(contents)) => {
                let mut roots = RootCertStore::empty();
                for root in certificates(File::ClientCa, path, contents)? {
                    roots
                        .add(root)
                        .map_err(|error| unusable(File::ClientCa, path, error))?;
                }
                let clients =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                let clients = match self.anonymous {
                    true => clients.allow_unauthenticated(),
                    false => clients,
                };
                let clients = clients
                    .build()
                    .map_err(|error| unusable(File::ClientCa, path, error))?;
                config.with_client_cert_verifier(clients)
            }
            _ => config.with_no_client_auth(),
        };
        let mut config = config
            .with_single_cert(chain, key)
            .map_err(|error| self.do_not_fit(&error))?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        Ok(Arc::new(config))
    }

    fn do_not_fit(&self, error: &rustls::Error) -> Error {
        match error {
            rustls::Error::InconsistentKeys(_) => {
                let (key, certificate) = (self.key.display(), self.certificate.display());
                let problem =
                    format!("{key} is not the key of the first certificate in {certificate}");
                wrong(File::Key, problem)
            }
            rustls::Error::InvalidCertificate(_) => {
                unusable(File::Certificate, &self.certificate, error)
            }
            _ => unusable(File::Key, &self.key, error),
        }
    }
}

fn read(file: File, path: &Path) -> Result<Vec<u8>, Error> {
    let shown = path.display();
    std::fs::read(path).map_err(|error| wrong(file, format!("{shown} cannot be read: {error}")))
}

fn certificates(
    file: File,
    path: &Path,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(not_pem(file, path, "certificate")),
    }
}

fn not_pem(file: File, path: &Path, what: &str) -> Error {
    wrong(file, format!("{} holds no {what} in PEM", path.display()))
}

fn unusable(file: File, path: &Path, error: impl std::fmt::Display) -> Error {
    wrong(file, format!("{} cannot be used: {error}", path.display()))
}

fn wrong(file: File, problem: impl ToString) -> Error {
    Error {
        file,
        problem: problem.to_string(),
    }
}
