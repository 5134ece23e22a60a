//! The PEM files that the configuration names, and what is wrong with them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::config::Config;
use crate::error::{Error, Result};

const CERTIFICATE: &str = "KAFMESH_TLS_CERTIFICATE";
const KEY: &str = "KAFMESH_TLS_KEY";
const CLIENT_CA: &str = "KAFMESH_TLS_CLIENT_CA";

/// What both kinds of clients ask for: gRPC and plain HTTP.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Where the files are.
#[derive(Debug, Clone)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

/// What is in them.
#[derive(PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Files {
    /// Those that `config` names, if any.
    pub(super) fn named(config: &Config) -> Result<Option<Self>> {
        let client_ca = config.tls_client_ca.clone();
        let without = |name: &str, other: &str| {
            let problem = format!("it needs {other}, which is not set");
            Err(wrong(name, problem))
        };
        match (&config.tls_certificate, &config.tls_key) {
            (Some(certificate), Some(key)) => Ok(Some(Self {
                certificate: certificate.clone(),
                key: key.clone(),
                client_ca,
            })),
            (Some(_), None) => without(CERTIFICATE, KEY),
            (None, Some(_)) => without(KEY, CERTIFICATE),
            (None, None) if client_ca.is_some() => without(CLIENT_CA, CERTIFICATE),
            (None, None) => Ok(None),
        }
    }

    pub(super) fn read(&self) -> Result<Contents> {
        let client_ca = self.client_ca.as_deref();
        Ok(Contents {
            certificate: read(CERTIFICATE, &self.certificate)?,
            key: read(KEY, &self.key)?,
            client_ca: client_ca.map(|ca| read(CLIENT_CA, ca)).transpose()?,
        })
    }

    /// How to answer clients with `contents`.
    pub(super) fn server_config(&self, contents: &Contents) -> Result<Arc<ServerConfig>> {
        let chain = certificates(CERTIFICATE, &self.certificate, &contents.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&contents.key)
            .map_err(|_| not_pem(KEY, &self.key, "private key"))?;
        // Named here, since a program may have several that are enabled.
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(CERTIFICATE, error))?;
        let config = match (&self.client_ca, &contents.client_ca) {
            (Some(path), Some(contents)) => {
                let mut roots = RootCertStore::empty();
                for root in certificates(CLIENT_CA, path, contents)? {
                    roots
                        .add(root)
                        .map_err(|error| unusable(CLIENT_CA, path, error))?;
                }
                let roots = Arc::new(roots);
                let clients = WebPkiClientVerifier::builder_with_provider(roots, provider)
                    .build()
                    .map_err(|error| unusable(CLIENT_CA, path, error))?;
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

    fn do_not_fit(&self, error: &tokio_rustls::rustls::Error) -> Error {
        use tokio_rustls::rustls::Error as Tls;
        let key = self.key.display();
        match error {
            Tls::InconsistentKeys(_) => {
                let certificate = self.certificate.display();
                let problem = format!(
                    "{key} is not the key of the first certificate in {certificate} ({CERTIFICATE})"
                );
                wrong(KEY, problem)
            }
            Tls::InvalidCertificate(_) => unusable(CERTIFICATE, &self.certificate, error),
            _ => unusable(KEY, &self.key, error),
        }
    }
}

fn read(name: &str, path: &Path) -> Result<Vec<u8>> {
    let path_shown = path.display();
    std::fs::read(path)
        .map_err(|error| wrong(name, format!("{path_shown} cannot be read: {error}")))
}

fn certificates(name: &str, path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(not_pem(name, path, "certificate")),
    }
}

fn not_pem(name: &str, path: &Path, what: &str) -> Error {
    let path = path.display();
    wrong(name, format!("{path} holds no {what} in PEM"))
}

fn unusable(name: &str, path: &Path, error: impl std::fmt::Display) -> Error {
    wrong(name, format!("{} cannot be used: {error}", path.display()))
}

fn wrong(name: &str, problem: impl ToString) -> Error {
    Error::Config {
        name: name.to_owned(),
        problem: problem.to_string(),
    }
}
