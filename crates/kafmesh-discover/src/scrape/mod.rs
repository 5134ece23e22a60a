//! Which processes there are, and what each says of itself: finds pods, asks them, owns [`Pods`].

use std::time::Duration;

use crate::dial::Dialer;
use crate::mesh::pod::Pods;
use crate::mesh::run::ScrapeRun;
use crate::status::Statuses;

/// How many runs are remembered.
pub const REMEMBERED_RUNS: usize = 100;

/// What is known of the mesh's processes, and how it was learned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scraped {
    /// Every pod there is.
    pub pods: Pods,
    /// The last [`REMEMBERED_RUNS`] scrapes that have ended, oldest first.
    pub runs: Vec<ScrapeRun>,
}

/// Whom to ask, and how.
#[derive(Clone)]
pub struct Config {
    /// Processes to ask besides those of Kubernetes: `host:port`, or `https://host:port` for one
    /// that speaks TLS. A name is resolved whenever it is asked.
    pub targets: Vec<String>,
    /// Where to find pods; `None`: nowhere.
    pub kubernetes: Option<Kubernetes>,
    /// Connects to them.
    pub dialer: Dialer,
    /// How often all of them are asked. What appears or changes is asked at once besides.
    pub interval: Duration,
    /// How long one may take to answer, connecting included.
    pub timeout: Duration,
    /// How many are asked at a time.
    pub concurrency: usize,
    /// Longest answer, in bytes.
    pub limit: usize,
    /// Tells the runs of this process from those of other replicas: its pod's or host's name.
    pub name: String,
    /// Where it says how it and Kubernetes are doing.
    pub statuses: Statuses,
}

/// Where to find pods.
#[derive(Clone)]
pub struct Kubernetes {
    /// The API server.
    pub client: kube::Client,
    /// The namespaces whose pods are looked at; empty for all.
    pub namespaces: Vec<String>,
}

impl Config {
    /// Asks `targets`, with the default limits.
    pub fn new(targets: impl IntoIterator<Item = String>) -> Self {
        let timeout = Duration::from_secs(5);
        Self {
            targets: targets.into_iter().collect(),
            kubernetes: None,
            dialer: Dialer::new(timeout),
            interval: Duration::from_secs(60),
            timeout,
            concurrency: 64,
            limit: 16 << 20,
            name: String::new(),
            statuses: Statuses::default(),
        }
    }
}
