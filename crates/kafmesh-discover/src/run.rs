//! Everything of kafmesh-discover, put together.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::middleware::from_fn;
use kafmesh_port::Followed;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::{self, Tls};
use crate::config::{self, Config};
use crate::dial::{self, Dialer};
use crate::kafka;
use crate::mesh;
use crate::mesh::actual::Told;
use crate::mesh::pod::Pods;
use crate::metrics::{self, Counted, Requests, Writes};
use crate::scrape::{self, Scraped};
use crate::status::{Part, Statuses};
use crate::store::{self, Store};
use dialer::dialer;

mod dialer;

/// How long the first scrape waits for what earlier runs knew.
const LOAD_TIMEOUT: Duration = Duration::from_secs(3);

/// Why it cannot start; servers that are away for now are no reason.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The HTTP port cannot be opened.
    #[error("cannot listen at {address}: {source}; choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate or the key of the HTTP port cannot be used.
    #[error(transparent)]
    Tls(#[from] api::TlsError),
    /// Certificates for the processes of the mesh cannot be used.
    #[error(transparent)]
    Dial(#[from] dial::InvalidTls),
    /// Properties for Kafka cannot be used.
    #[error(transparent)]
    Kafka(#[from] kafka::InvalidProperties),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no way to a Kubernetes cluster, and one was asked for.
    #[error(
        "cannot look for pods: {why}; in a pod it needs a service account, elsewhere a kubeconfig file (KUBECONFIG), or --kubernetes off"
    )]
    Kubernetes {
        /// What is missing.
        why: String,
    },
    /// Nobody is named and there is no Kubernetes cluster: the mesh would be empty for ever.
    #[error(
        "nothing to ask: no --target is named, and there is no Kubernetes cluster to look for pods in ({why}); name processes with --target, or give it a service account (in a pod) or a kubeconfig file (KUBECONFIG); --kubernetes off asks nobody"
    )]
    NothingToAsk {
        /// Why there is no cluster.
        why: String,
    },
}

/// A kafmesh-discover whose port is open and which does not run yet.
///
/// ```
/// use kafmesh_discover::config::{Config, Kubernetes};
/// use kafmesh_discover::run::Discover;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut config = Config::default();
/// config.listen.set_port(0);
/// config.scrape.kubernetes = Kubernetes::Off;
/// let discover = Discover::start(config).await?;
/// assert!(discover.url().starts_with("http://127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
pub struct Discover {
    config: Config,
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
    dialer: Dialer,
    pod_certificates: Option<Followed<dial::Tls>>,
    kubernetes: Option<scrape::Kubernetes>,
    kafka: Option<kafka::Client>,
    statuses: Statuses,
}

impl Discover {
    /// Opens the port and reads what the configuration names.
    ///
    /// # Errors
    ///
    /// What must be changed before it can start. That a server is away is none of it.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        // An error means that the program has chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = config.access.tls.as_ref().map(api::tls).transpose()?;
        let (dialer, pod_certificates) = dialer(&config.dial, config.scrape.timeout)?;
        let kubernetes = kubernetes(&config.scrape).await?;
        let kafka = config.kafka.as_ref().map(kafka::Client::new).transpose()?;
        let listen = |source| StartError::Listen {
            address: config.listen,
            source,
        };
        let socket = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = socket.local_addr().map_err(listen)?;
        let used = [
            Some(Part::Scrape),
            kubernetes.is_some().then_some(Part::Kubernetes),
            config.neo4j.is_some().then_some(Part::Neo4j),
            config.kafka.is_some().then_some(Part::Kafka),
        ];
        Ok(Self {
            statuses: Statuses::new(used.into_iter().flatten()),
            config,
            socket,
            address,
            tls,
            dialer,
            pod_certificates,
            kubernetes,
            kafka,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a browser on this machine finds it.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut address = self.address;
        if address.ip().is_unspecified() {
            let loopback = match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            };
            address.set_ip(loopback);
        }
        format!("{scheme}://{address}")
    }

    /// Runs until `stop`, and for at most the shutdown delay and timeout after it.
    pub async fn run(self, stop: CancellationToken) {
        let (delay, timeout) = (self.config.shutdown_delay, self.config.shutdown_timeout);
        let statuses = self.statuses.clone();
        let ending = CancellationToken::new();
        let running = self.serve(ending.clone());
        let cut = async {
            stop.cancelled().await;
            statuses.stopping();
            tokio::time::sleep(delay).await;
            ending.cancel();
            tokio::time::sleep(timeout).await;
        };
        tokio::select! {
            () = running => {}
            () = cut => {
                tracing::warn!("not everything ended within {timeout:?}; stopped all the same");
            }
        }
    }

    async fn serve(self, stop: CancellationToken) {
        tracing::info!("listening at {}", self.url());
        let mut registry = metrics::registry();
        let scrape_metrics = scrape::Metrics::default();
        scrape_metrics.register(&mut registry);
        let requests = Requests::default();
        requests.register(&mut registry);

        let (scraped, seen) = watch::channel(Arc::new(Scraped::default()));
        let (kafka, told) = watch::channel(Told::default());
        let told = self.config.kafka.is_some().then_some(told);
        let mesh = mesh::follow(seen, told, self.statuses.clone());
        registry.register_collector(Box::new(metrics::Sizes(mesh.clone())));
        registry.register_collector(Box::new(metrics::Parts(self.statuses.clone())));

        let mut parts = JoinSet::new();
        if let Some((config, client)) = self.config.kafka.clone().zip(self.kafka) {
            let (mesh, statuses, stop) = (mesh.clone(), self.statuses.clone(), stop.clone());
            parts.spawn(async move {
                kafka::run(client, &config, mesh, kafka, statuses, stop).await;
            });
        }
        if let Some(files) = self.pod_certificates {
            let (dialer, stop) = (self.dialer.clone(), stop.clone());
            parts.spawn(async move {
                // Never ends by itself.
                let _ = stop
                    .run_until_cancelled(dialer::follow(files, dialer))
                    .await;
            });
        }
        let scrape = scrape::Config {
            targets: self.config.scrape.targets.clone(),
            kubernetes: self.kubernetes,
            dialer: self.dialer.clone(),
            interval: self.config.scrape.interval,
            timeout: self.config.scrape.timeout,
            concurrency: self.config.scrape.concurrency.get(),
            limit: self.config.scrape.limit,
            name: instance(),
            statuses: self.statuses.clone(),
            metrics: scrape_metrics,
        };
        let neo4j = self.config.neo4j.as_ref().map(neo4j);
        let writes = Writes::default();
        if neo4j.is_some() {
            writes.register(&mut registry);
        }
        let neo4j = neo4j.map(|store| Counted(store, writes));
        let (written, statuses) = (mesh.clone(), self.statuses.clone());
        let ended = stop.clone();
        parts.spawn(async move {
            let known = known(neo4j.as_ref()).await;
            let write = async {
                if let Some(store) = neo4j {
                    store::follow(store, written, statuses, ended.clone()).await;
                }
            };
            tokio::join!(scrape::run(scrape, known, scraped, ended.clone()), write);
        });

        let registry = Arc::new(registry);
        let router = api::router(api::Parts {
            mesh,
            dialer: self.dialer,
            watch_token: self.config.dial.watch_token.map(|token| api::WatchToken {
                token,
                namespaces: self.config.scrape.namespaces.into_iter().collect(),
            }),
            access: self.config.access,
            loopback: self.address.ip().is_loopback(),
            statuses: self.statuses,
            metrics: Arc::new(move || metrics::text(&registry)),
            stop: stop.clone(),
        })
        .layer(from_fn(move |request, next| {
            requests.clone().count(request, next)
        }));
        let grace = self.config.shutdown_timeout;
        api::serve(self.socket, self.tls, router, stop, grace).await;
        while let Some(ended) = parts.join_next().await {
            if let Err(error) = ended {
                tracing::error!("a part ended by a mistake: {error}");
            }
        }
    }
}

/// Runs with `config` until `stop`.
///
/// # Errors
///
/// Those of [`Discover::start`].
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), StartError> {
    Discover::start(config).await?.run(stop).await;
    Ok(())
}

/// Where to look for pods, if anywhere. Whether the cluster answers does not matter yet.
async fn kubernetes(config: &config::Scrape) -> Result<Option<scrape::Kubernetes>, StartError> {
    let wanted = match config.kubernetes {
        config::Kubernetes::Off => return Ok(None),
        config::Kubernetes::Auto if !config.targets.is_empty() => return Ok(None),
        config::Kubernetes::Auto => false,
        config::Kubernetes::On => true,
    };
    let client = match kube::Config::infer().await {
        Ok(config) => kube::Client::try_from(config).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match client {
        Ok(client) => Ok(Some(scrape::Kubernetes::new(
            client,
            config.namespaces.clone(),
        ))),
        Err(why) if wanted => Err(StartError::Kubernetes { why }),
        Err(why) => Err(StartError::NothingToAsk { why }),
    }
}

fn neo4j(config: &config::Neo4j) -> store::Neo4j {
    store::Neo4j::new(store::Settings {
        uri: config.url.clone(),
        user: config.user.clone(),
        password: config.password.expose().to_owned(),
        database: config.database.clone(),
        ca: config.ca.clone(),
    })
}

/// What the store knows of earlier runs. A store that is away holds nothing up: what it knows of
/// pods that are not asked here stays in it.
async fn known(store: Option<&impl Store>) -> Pods {
    let Some(store) = store else {
        return Pods::new();
    };
    let why = match tokio::time::timeout(LOAD_TIMEOUT, store.load()).await {
        Ok(Ok(pods)) => return pods,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {LOAD_TIMEOUT:?}"),
    };
    tracing::warn!("what earlier runs knew is not loaded: {why}");
    Pods::new()
}

/// What tells this process from other replicas.
fn instance() -> String {
    ["POD_NAME", "HOSTNAME"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| format!("process-{}", std::process::id()))
}
