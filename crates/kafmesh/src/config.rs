//! What a process can be told: in code, or by `KAFMESH_*` environment variables.

mod shown;
mod variables;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::secret::Secret;

pub(crate) use variables::is_token;

/// How a service runs.
///
/// ```
/// let config = kafmesh::Config::new("localhost:9092")
///     .with_commit_interval(std::time::Duration::from_millis(200))
///     .with_kafka("security.protocol", "SASL_SSL");
/// assert_eq!(config.brokers, "localhost:9092");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// `KAFMESH_BROKERS`: brokers to start from, `host:port` separated by commas. Default `localhost:9092`.
    pub brokers: String,
    /// `KAFMESH_LISTEN`: address of the service's port, for gRPC and HTTP/1.1. Default `0.0.0.0:50051`; port 0 takes a free one.
    pub listen: SocketAddr,
    /// `KAFMESH_INSTANCE`: what this process is called where it describes itself. Default: the variable `POD_NAME`, else
    /// `HOSTNAME`, else the host's name.
    pub instance: Option<String>,
    /// `KAFMESH_TLS_CERTIFICATE`: PEM file with the certificate of the service's port, and those that lead to its CA. With
    /// it and the key, the port answers over TLS only; files that change are read again.
    pub tls_certificate: Option<PathBuf>,
    /// `KAFMESH_TLS_KEY`: PEM file with the certificate's key.
    pub tls_key: Option<PathBuf>,
    /// `KAFMESH_TLS_CLIENT_CA`: PEM file with CAs; a client of the port needs a certificate of one of them.
    pub tls_client_ca: Option<PathBuf>,
    /// `KAFMESH_STATE_DIR`: directory of the local store, for one process at a time. Default `.kafmesh/state`.
    pub state_dir: PathBuf,
    /// `KAFMESH_COMMIT_INTERVAL`: the longest that processed records stay uncommitted. Default `1s`.
    pub commit_interval: Duration,
    /// `KAFMESH_STATE_CACHE_BYTES`: memory for decoded state, per partition of a processor. Default 8 MiB.
    pub state_cache_bytes: usize,
    /// `KAFMESH_STARTUP_TIMEOUT`: how long to wait for a broker. Default `10s`.
    pub startup_timeout: Duration,
    /// `KAFMESH_SHUTDOWN_TIMEOUT`: how long a stop may take before it is cut short. Default `30s`.
    pub shutdown_timeout: Duration,
    /// `KAFMESH_WATCH`: whether processors may be watched over gRPC. Default `on`.
    pub watch: bool,
    /// `KAFMESH_WATCH_TOKEN`: what who watches has to send as `authorization: Bearer TOKEN`. Without it, whoever
    /// reaches the port may watch.
    pub watch_token: Option<Secret>,
    /// `KAFMESH_WATCH_RATE`: operations that each watcher is shown per second, at most; the others are counted as
    /// lost. Default 1000.
    pub watch_rate: NonZeroU32,
    /// `KAFMESH_DEV`: a development machine; replication factors above the number of brokers are
    /// lowered to it. Default `false`.
    pub dev: bool,
    /// `KAFMESH_KAFKA_*`: properties of librdkafka, for every client of the process;
    /// `KAFMESH_KAFKA_SECURITY_PROTOCOL` is `security.protocol`.
    pub kafka: BTreeMap<String, String>,
}

impl Config {
    /// The defaults, with `brokers` to start from.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            listen: SocketAddr::from(([0, 0, 0, 0], 50051)),
            instance: None,
            tls_certificate: None,
            tls_key: None,
            tls_client_ca: None,
            state_dir: PathBuf::from(".kafmesh/state"),
            commit_interval: Duration::from_secs(1),
            state_cache_bytes: 8 << 20,
            startup_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(30),
            watch: true,
            watch_token: None,
            watch_rate: DEFAULT_WATCH_RATE,
            dev: false,
            kafka: BTreeMap::new(),
        }
    }

    /// Sets [`listen`](Self::listen).
    #[must_use]
    pub fn with_listen(mut self, listen: SocketAddr) -> Self {
        self.listen = listen;
        self
    }

    /// Sets [`instance`](Self::instance).
    #[must_use]
    pub fn with_instance(mut self, name: impl Into<String>) -> Self {
        self.instance = Some(name.into());
        self
    }

    /// Sets [`tls_certificate`](Self::tls_certificate) and [`tls_key`](Self::tls_key).
    #[must_use]
    pub fn with_tls(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls_certificate = Some(certificate.into());
        self.tls_key = Some(key.into());
        self
    }

    /// Sets [`tls_client_ca`](Self::tls_client_ca).
    #[must_use]
    pub fn with_tls_client_ca(mut self, ca: impl Into<PathBuf>) -> Self {
        self.tls_client_ca = Some(ca.into());
        self
    }

    /// Sets [`state_dir`](Self::state_dir).
    #[must_use]
    pub fn with_state_dir(mut self, state_dir: impl Into<PathBuf>) -> Self {
        self.state_dir = state_dir.into();
        self
    }

    /// Sets [`commit_interval`](Self::commit_interval).
    #[must_use]
    pub fn with_commit_interval(mut self, interval: Duration) -> Self {
        self.commit_interval = interval;
        self
    }

    /// Sets [`state_cache_bytes`](Self::state_cache_bytes).
    #[must_use]
    pub fn with_state_cache_bytes(mut self, bytes: usize) -> Self {
        self.state_cache_bytes = bytes;
        self
    }

    /// Sets [`startup_timeout`](Self::startup_timeout).
    #[must_use]
    pub fn with_startup_timeout(mut self, timeout: Duration) -> Self {
        self.startup_timeout = timeout;
        self
    }

    /// Sets [`shutdown_timeout`](Self::shutdown_timeout).
    #[must_use]
    pub fn with_shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Sets [`watch`](Self::watch).
    #[must_use]
    pub fn with_watch(mut self, watch: bool) -> Self {
        self.watch = watch;
        self
    }

    /// Sets [`watch_token`](Self::watch_token), which consists of visible ASCII characters; a service does not
    /// connect with any other.
    #[must_use]
    pub fn with_watch_token(mut self, token: impl Into<Secret>) -> Self {
        self.watch_token = Some(token.into());
        self
    }

    /// Sets [`watch_rate`](Self::watch_rate).
    #[must_use]
    pub fn with_watch_rate(mut self, rate: NonZeroU32) -> Self {
        self.watch_rate = rate;
        self
    }

    /// Sets [`dev`](Self::dev).
    #[must_use]
    pub fn with_dev(mut self, dev: bool) -> Self {
        self.dev = dev;
        self
    }

    /// Sets a property of librdkafka.
    #[must_use]
    pub fn with_kafka(mut self, property: impl Into<String>, value: impl Into<String>) -> Self {
        self.kafka.insert(property.into(), value.into());
        self
    }
}

const DEFAULT_WATCH_RATE: NonZeroU32 = NonZeroU32::new(1000).unwrap();
