//! TLS of a port, with certificates that may be renewed while it is open.

mod files;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

use crate::Followed;
use files::Contents;
pub use files::{Error, File, Files};

/// How long a client may take for its part of a handshake, and how many may be at it at once; more
/// wait until one of these has ended.
const HANDSHAKE: Duration = Duration::from_secs(10);
const HANDSHAKES: usize = 256;

/// The certificates in use.
///
/// ```
/// use kafmesh_port::{Files, Tls};
///
/// let files = Files {
///     certificate: "/none/tls.crt".into(),
///     key: "/none/tls.key".into(),
///     client_ca: None,
///     anonymous: false,
/// };
/// let error = Tls::read(files).err().unwrap();
/// assert!(error.to_string().starts_with("/none/tls.crt cannot be read: "));
/// ```
pub struct Tls {
    files: Files,
    followed: Followed<Contents>,
    current: watch::Sender<Arc<ServerConfig>>,
}

impl Tls {
    /// Uses what is in `files` now.
    ///
    /// # Errors
    ///
    /// A file is not there, or of no use; the error names it.
    pub fn read(files: Files) -> Result<Self, Error> {
        let contents = files.read()?;
        let (current, _) = watch::channel(files.server_config(&contents)?);
        let again = files.clone();
        let read = move || again.read().map_err(|error| error.to_string());
        Ok(Self {
            files,
            followed: Followed::new("the certificates of the port", contents, read),
            current,
        })
    }

    /// Looks at the files this often rather than every 10 seconds.
    #[must_use]
    pub fn look_every(mut self, interval: Duration) -> Self {
        self.followed = self.followed.look_every(interval);
        self
    }

    /// The connections that have shown what they must, in the order in which they did so. A client
    /// that takes its time holds up no other.
    pub fn accept<I>(
        &self,
        incoming: I,
    ) -> impl Stream<Item = io::Result<TlsStream<TcpStream>>> + use<I>
    where
        I: Stream<Item = io::Result<TcpStream>>,
    {
        let current = self.current.subscribe();
        incoming
            .map(move |connection| {
                let acceptor = TlsAcceptor::from(Arc::clone(&current.borrow()));
                async move {
                    let handshake = acceptor.accept(connection?);
                    let made = tokio::time::timeout(HANDSHAKE, handshake).await;
                    made.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
                        .inspect_err(|error| tracing::debug!(%error, "a TLS handshake failed"))
                }
            })
            .buffer_unordered(HANDSHAKES)
    }

    /// Uses what is in the files, whenever that changes; never ends. Open connections stay as they are.
    pub async fn follow(self) {
        let Self {
            files,
            followed,
            current,
        } = self;
        followed
            .follow(|contents| renew(&files, &current, contents))
            .await;
    }
}

fn renew(
    files: &Files,
    current: &watch::Sender<Arc<ServerConfig>>,
    contents: &Contents,
) -> Result<(), String> {
    let config = files.server_config(contents);
    drop(current.send_replace(config.map_err(|error| error.to_string())?));
    Ok(())
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
