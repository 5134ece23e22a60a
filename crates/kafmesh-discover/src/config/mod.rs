//! What kafmesh-discover is told: by flags, environment variables and a YAML file.

mod arguments;
mod effective;
mod file;
pub(crate) mod kafka;
mod layers;
mod load;
mod pem;
mod resolve;
mod secret;
mod settings;
mod value;
mod variables;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

pub use load::{LoadError, Loaded, load};
pub use secret::Secret;
pub use settings::{Setting, settings};

/// Everything kafmesh-discover is told, checked as far as it can be without a server.
///
/// ```
/// use kafmesh_discover::config::{Config, Kubernetes};
///
/// let mut config = Config::default();
/// config.scrape.targets.push("127.0.0.1:50051".to_owned());
/// config.scrape.kubernetes = Kubernetes::Off;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Address of the HTTP port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who may use the HTTP port.
    pub access: Access,
    /// What is asked, and how often.
    pub scrape: Scrape,
    /// How processes of the mesh are dialled.
    pub dial: Dial,
    /// The Neo4j to write the graph to; in memory only without.
    pub neo4j: Option<Neo4j>,
    /// The Kafka cluster to compare the mesh with; not compared without.
    pub kafka: Option<Kafka>,
    /// How long it goes on answering, and is not ready, when it is told to stop: where a load balancer
    /// or a Service sends requests to it, those take a moment to notice.
    pub shutdown_delay: Duration,
    /// How long a stop may take after that before it is cut short.
    pub shutdown_timeout: Duration,
}

/// Who may use the HTTP port, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// What requests other than for health must bear (`Authorization: Bearer …`); anybody may without.
    pub token: Option<Secret>,
    /// The port speaks TLS with these; plain HTTP without.
    pub tls: Option<ServerTls>,
    /// Whether `/metrics` is open like the health pages, for a Prometheus without token or certificate.
    pub open_metrics: bool,
    /// Web origins that browsers may use the API from, `*` for all; none by default.
    pub cors_origins: Vec<String>,
}

impl Access {
    /// Whether requests must show who they are from: by a token or by a certificate.
    pub fn is_protected(&self) -> bool {
        let tls = self.tls.as_ref();
        self.token.is_some() || tls.is_some_and(|tls| tls.client_ca.is_some())
    }
}

/// PEM files of a port that speaks TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerTls {
    /// Its certificate, followed by those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities whose certificates clients must present; clients need none without.
    pub client_ca: Option<PathBuf>,
}

/// Which processes are asked, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrape {
    /// Processes to ask besides those Kubernetes lists, `host:port`.
    pub targets: Vec<String>,
    /// Whether to look for pods.
    pub kubernetes: Kubernetes,
    /// Namespaces to look for pods in; all when empty.
    pub namespaces: Vec<String>,
    /// From the start of one scrape of all pods to the start of the next.
    pub interval: Duration,
    /// How long one process may take to answer, connecting included.
    pub timeout: Duration,
    /// How many processes are asked at the same time.
    pub concurrency: NonZeroUsize,
    /// How many bytes an answer may have.
    pub limit: usize,
}

/// Whether to look for pods through the Kubernetes API.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Kubernetes {
    /// When there is a kubeconfig file or a service account and no target is named.
    #[default]
    Auto,
    /// Yes; without a usable kubeconfig or service account that is an error.
    On,
    /// No.
    Off,
}

/// How processes of the mesh are dialled: PEM files for those that speak TLS, and a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dial {
    /// Authorities that may have signed their certificates; processes that speak TLS are not asked
    /// without.
    pub ca: Option<PathBuf>,
    /// The name their certificates are for; without it, the address each is asked at.
    pub server_name: Option<String>,
    /// Certificate and private key to present to them.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// What they demand of those who watch a processor.
    pub watch_token: Option<Secret>,
}

/// The Neo4j to write the graph to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neo4j {
    /// Its address, `bolt://host:port`, or `bolt+s://…` for TLS; no credentials in it. With `neo4j` in
    /// the place of `bolt` it means the same: there is no routing.
    pub url: String,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: Secret,
    /// The database; the user's own without.
    pub database: Option<String>,
    /// A PEM file with the authorities of its certificate; those of the system without.
    pub ca: Option<PathBuf>,
}

/// The Kafka cluster to compare the mesh with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kafka {
    /// Brokers to start from, `host:port` separated by commas.
    pub brokers: String,
    /// Properties of librdkafka, such as `security.protocol`.
    pub properties: BTreeMap<String, Secret>,
    /// From the start of one look at it to the start of the next.
    pub interval: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            access: Access::default(),
            scrape: Scrape::default(),
            dial: Dial::default(),
            neo4j: None,
            kafka: None,
            shutdown_delay: Duration::ZERO,
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

impl Default for Scrape {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            kubernetes: Kubernetes::Auto,
            namespaces: Vec::new(),
            interval: Duration::from_secs(60),
            timeout: Duration::from_secs(5),
            concurrency: const { NonZeroUsize::new(64).unwrap() },
            limit: 4 << 20,
        }
    }
}
