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

use files::Contents;
pub use files::{Error, File, Files};

/// How often it is looked whether the files have changed. Kubernetes itself takes up to a minute to
/// bring a renewed certificate into a pod, long before the old one ends.
const LOOK_EVERY: Duration = Duration::from_secs(10);

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
    look_every: Duration,
    /// What was in the files when they were read last, whether or not it could be used.
    seen: Result<Contents, String>,
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
        Ok(Self {
            files,
            look_every: LOOK_EVERY,
            seen: Ok(contents),
            current,
        })
    }

    /// Looks at the files this often rather than every 10 seconds.
    #[must_use]
    pub fn look_every(mut self, interval: Duration) -> Self {
        self.look_every = interval;
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
    pub async fn follow(mut self) {
        let mut turns = tokio::time::interval(self.look_every);
        turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            turns.tick().await;
            self.look().await;
        }
    }

    /// Uses what is in the files if it has changed. What cannot be used, such as a certificate whose
    /// key is yet to be written, changes nothing, and is told once.
    async fn look(&mut self) {
        let files = self.files.clone();
        let read = tokio::task::spawn_blocking(move || files.read().map_err(|it| it.to_string()));
        // Reading does not panic, so the task ends unless the runtime does.
        let Ok(read) = read.await else { return };
        if read == self.seen {
            return;
        }
        let renewed = match &read {
            Ok(contents) => {
                let config = self.files.server_config(contents);
                config.map_err(|error| error.to_string())
            }
            Err(error) => Err(error.clone()),
        };
        self.seen = read;
        match renewed {
            Ok(config) => {
                drop(self.current.send_replace(config));
                tracing::info!("the certificates of the port have been renewed");
            }
            Err(error) => tracing::warn!(
                error,
                "the certificates of the port have changed and cannot be used; the former stay in use"
            ),
        }
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}
