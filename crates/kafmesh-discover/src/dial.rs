//! Connections to the processes of the mesh, and what went wrong with one, as its operator needs it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Status};

use crate::mesh::pod::{FailureKind, Pod};

mod explain;

/// Longest part of a message that is another's, in characters.
const MAX_QUOTE: usize = 300;

/// Opens connections to pods.
///
/// ```
/// use std::time::Duration;
/// use kafmesh_discover::dial::Dialer;
///
/// let dialer = Dialer::new(Duration::from_secs(5));
/// ```
#[derive(Debug, Clone)]
pub struct Dialer {
    timeout: Duration,
    /// Shared by all clones.
    tls: Option<Arc<watch::Sender<ClientTlsConfig>>>,
}

/// How pods that speak TLS are known, and how they know us. All of it is PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The certificates of who signs those of the pods.
    pub ca: Vec<u8>,
    /// Our own certificate and its key, for pods that ask for one.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
    /// The name that the pods' certificates are for; without it, the address each is asked at.
    pub server_name: Option<String>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("identity", &self.identity.is_some())
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

/// Why a pod could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of failure.
    pub kind: FailureKind,
    /// Which pod, what happened, and what to do.
    pub message: String,
}

impl Dialer {
    /// For pods that speak plaintext, which are to answer within `timeout`.
    ///
    /// Half of it may pass until there is a connection and three quarters until it can be used,
    /// name and TLS included: so it is told apart what fails.
    pub fn new(timeout: Duration) -> Self {
        Self { timeout, tls: None }
    }

    /// For pods that speak TLS, too.
    ///
    /// # Errors
    ///
    /// Which of the certificates and keys cannot be used.
    pub fn with_tls(mut self, tls: Tls) -> Result<Self, InvalidTls> {
        let config = client_config(tls)?;
        self.tls = Some(Arc::new(watch::Sender::new(config)));
        Ok(self)
    }

    /// Uses `tls` for connections from now on, by all clones. Open ones stay as they are.
    ///
    /// Nothing changes for a dialer that knows no TLS.
    ///
    /// # Errors
    ///
    /// Those of [`Dialer::with_tls`]; nothing changes then.
    pub fn renew(&self, tls: Tls) -> Result<(), InvalidTls> {
        if let Some(current) = &self.tls {
            drop(current.send_replace(client_config(tls)?));
        }
        Ok(())
    }

    /// Connects to `pod`.
    ///
    /// # Errors
    ///
    /// Why not, with the pod, its address and what to do.
    pub async fn dial(&self, pod: &Pod) -> Result<Channel, Error> {
        let endpoint = self.endpoint(pod)?;
        let timeout = self.timeout * 3 / 4;
        match tokio::time::timeout(timeout, endpoint.connect()).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(error)) => Err(Error::of_cause(pod, &error)),
            Err(_) => Err(Error::new(
                pod,
                FailureKind::Timeout,
                format!(
                    "no usable connection within {timeout:?}: either its name is not resolved or \
                     it does not go on with TLS; check the name, and whether the annotation \
                     kafmesh/tls should be \"false\""
                ),
            )),
        }
    }

    fn endpoint(&self, pod: &Pod) -> Result<Endpoint, Error> {
        let scheme = if pod.tls { "https" } else { "http" };
        let endpoint = Endpoint::from_shared(format!("{scheme}://{}", pod.address))
            .map_err(|error| {
                let why = format!("its address is not of the form host:port: {error}");
                Error::new(pod, FailureKind::NoAddress, why)
            })?
            .connect_timeout(self.timeout / 2)
            // A peer that is gone without a word is noticed where a stream is read for long.
            .http2_keep_alive_interval(Duration::from_secs(20));
        if !pod.tls {
            return Ok(endpoint);
        }
        let Some(tls) = self.tls.as_ref().map(|tls| tls.borrow().clone()) else {
            let why = "it speaks TLS, and kafmesh-discover does not know whose certificates to \
                       trust; name a file with --pod-ca";
            return Err(Error::new(pod, FailureKind::Denied, why));
        };
        endpoint.tls_config(tls).map_err(|error| {
            let why = format!(
                "no certificate can be for this address: {}; give the name that the pods' \
                 certificates are for with --pod-server-name",
                explain::deepest(&error)
            );
            Error::new(pod, FailureKind::NoAddress, why)
        })
    }
}

fn client_config(tls: Tls) -> Result<ClientTlsConfig, InvalidTls> {
    let mut config = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(&tls.ca));
    check(&config, "the certificate authority of the pods")?;
    if let Some((certificate, key)) = tls.identity {
        config = config.identity(Identity::from_pem(certificate, key));
        check(&config, "the certificate for pods or its key")?;
    }
    if let Some(name) = tls.server_name {
        config = config.domain_name(name);
        check(&config, "the name of the pods' certificates")?;
    }
    Ok(config)
}

fn check(config: &ClientTlsConfig, what: &'static str) -> Result<(), InvalidTls> {
    Endpoint::from_static("https://127.0.0.1")
        .tls_config(config.clone())
        .map(drop)
        .map_err(|error| InvalidTls {
            what,
            why: explain::deepest(&error),
        })
}

/// Certificates or a key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} cannot be used: {why}; it must be PEM")]
pub struct InvalidTls {
    what: &'static str,
    why: String,
}

impl Error {
    /// A failure of `pod`.
    pub fn new(pod: &Pod, kind: FailureKind, why: impl AsRef<str>) -> Self {
        let Pod { key, address, .. } = pod;
        let message = format!("{key} at {address}: {}", why.as_ref());
        Self { kind, message }
    }

    /// What the answer to a call tells.
    pub fn of_status(pod: &Pod, status: &Status) -> Self {
        let said = quote(status.message());
        if let Some(cause) = std::error::Error::source(status) {
            // Made on this side, from what went wrong with the connection.
            return match status.code() {
                Code::Internal => Self::new(
                    pod,
                    FailureKind::Invalid,
                    format!(
                        "it does not answer in HTTP/2 ({}); check that the port is that of gRPC, \
                         and whether it speaks TLS (annotation kafmesh/tls)",
                        explain::deepest(cause)
                    ),
                ),
                _ => Self::of_cause(pod, cause),
            };
        }
        let (kind, why) = match status.code() {
            Code::OutOfRange | Code::ResourceExhausted => (
                FailureKind::TooLarge,
                format!("its answer is too large: {said}"),
            ),
            Code::Unauthenticated | Code::PermissionDenied => (
                FailureKind::Denied,
                format!("it does not let kafmesh-discover ask: {said}"),
            ),
            Code::Unimplemented => (
                FailureKind::Unsupported,
                format!("it does not serve what was asked for: {said}"),
            ),
            Code::Unavailable => (
                FailureKind::Unreachable,
                format!("it says that it is not available: {said}"),
            ),
            Code::DeadlineExceeded | Code::Cancelled => (
                FailureKind::Timeout,
                format!("it did not answer in time: {said}"),
            ),
            code => (
                FailureKind::Invalid,
                format!("it answers with an error ({code:?}): {said}; look into its log"),
            ),
        };
        Self::new(pod, kind, why)
    }

    fn of_cause(pod: &Pod, cause: &(dyn std::error::Error + 'static)) -> Self {
        let (kind, why) = explain::explain(cause);
        Self::new(pod, kind, why)
    }
}

/// What another said, short and on one line.
fn quote(text: &str) -> String {
    let mut quoted: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_QUOTE)
        .collect();
    if quoted.len() < text.len() {
        quoted.push('…');
    }
    if quoted.is_empty() {
        quoted.push_str("without saying why");
    }
    quoted
}
