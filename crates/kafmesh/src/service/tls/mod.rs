//! TLS of the service's port, with certificates that may be renewed while it is open.

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

use crate::config::Config;
use crate::error::{Error, Result};
use files::{Contents, Files};

/// How often it is looked whether the files have changed. Kubernetes itself takes up to a minute to
/// bring a renewed certificate into a pod, long before the old one ends.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long a client may take for its part of a handshake, and how many may be at it at once; more
/// wait until one of these has ended.
const HANDSHAKE: Duration = Duration::from_secs(10);
const HANDSHAKES: usize = 256;

/// The certificates in use.
pub(crate) struct Tls {
    files: Files,
    /// What was in the files when they were read last, whether or not it could be used.
    seen: Result<Contents, String>,
    current: watch::Sender<Arc<ServerConfig>>,
}

impl Tls {
    /// What the configuration asks for; nothing for a port without TLS.
    ///
    /// # Errors
    ///
    /// [`Error::Config`]: a file is not named, not there, or of no use.
    pub(crate) fn new(config: &Config) -> Result<Option<Self>> {
        let Some(files) = Files::named(config)? else {
            return Ok(None);
        };
        let contents = files.read()?;
        let (current, _) = watch::channel(files.server_config(&contents)?);
        let seen = Ok(contents);
        Ok(Some(Self {
            files,
            seen,
            current,
        }))
    }

    /// The connections that have shown what they must, in the order in which they did so.
    pub(crate) fn accept<I>(
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

    /// Uses what is in the files, whenever that changes. Open connections stay as they are.
    pub(crate) async fn follow(mut self) {
        let mut turns = tokio::time::interval(LOOK_EVERY);
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
            Ok(contents) => self.files.server_config(contents),
            Err(error) => Err(Error::handler(error.clone())),
        };
        self.seen = read;
        match renewed {
            Ok(config) => {
                drop(self.current.send_replace(config));
                tracing::info!("the certificates of the port have been renewed");
            }
            Err(error) => tracing::warn!(
                %error,
                "the certificates of the port have changed and cannot be used; the former stay in use"
            ),
        }
    }
}
