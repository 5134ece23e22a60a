//! A scrape under way in the test's process.

use std::sync::Arc;
use std::time::Duration;

use kafmesh_discover::mesh::pod::{FailureKind, Observed, PodKey, Pods};
use kafmesh_discover::scrape::{self, Config, Kubernetes, Scraped};
use kafmesh_discover::status::{Part, Readiness, Status, Statuses};
use kube::Client;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// How long a test waits for what it expects; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// A scrape that goes on until this is dropped.
pub struct Scraping {
    scraped: watch::Receiver<Arc<Scraped>>,
    statuses: Statuses,
    _stop: DropGuard,
}

/// Asks the pods of `namespaces`, or of all, when they change and otherwise hardly ever.
pub fn pods_of(client: Client, namespaces: &[&str]) -> Config {
    let mut config = Config::new([]);
    let namespaces = namespaces.iter().map(ToString::to_string);
    config.kubernetes = Some(Kubernetes::new(client, namespaces));
    config.interval = Duration::from_secs(3600);
    config
}

impl Scraping {
    /// Starts one that knows nothing.
    pub fn start(config: Config) -> Self {
        Self::resume(config, Pods::new())
    }

    /// Starts one that knows `initial` from before.
    pub fn resume(mut config: Config, initial: Pods) -> Self {
        crate::choose_cryptography();
        let statuses = Statuses::new([Part::Kubernetes]);
        config.statuses = statuses.clone();
        let (out, scraped) = watch::channel(Arc::default());
        let stop = CancellationToken::new();
        tokio::spawn(scrape::run(config, initial, out, stop.clone()));
        Self {
            scraped,
            statuses,
            _stop: stop.drop_guard(),
        }
    }

    /// What is known now.
    pub fn now(&self) -> Arc<Scraped> {
        self.scraped.borrow().clone()
    }

    /// Waits until what is known is as expected, and returns it.
    pub async fn until(&self, what: &str, expected: impl Fn(&Scraped) -> bool) -> Arc<Scraped> {
        let mut scraped = self.scraped.clone();
        let found = scraped.wait_for(|scraped| expected(scraped));
        if let Ok(found) = tokio::time::timeout(PATIENCE, found).await {
            return found.unwrap().clone();
        }
        let now = self.now();
        let pods: Vec<_> = now.pods.values().map(summary).collect();
        panic!(
            "not so after {PATIENCE:?}: {what}; {:?}\n{pods:#?}",
            self.statuses.readiness()
        );
    }

    /// Waits until a scrape of all pods is complete.
    pub async fn ready(&self) -> Arc<Scraped> {
        self.until("all were asked", |scraped| scraped.complete)
            .await
    }

    /// Waits until Kubernetes fails, and returns why.
    pub async fn kubernetes_fails(&self) -> String {
        self.status("Kubernetes fails", |statuses| {
            matches!(statuses.get(Part::Kubernetes), Some(Status::Failing { .. }))
        })
        .await;
        match self.statuses.get(Part::Kubernetes) {
            Some(Status::Failing { why, .. }) => why,
            other => panic!("it does not fail any more: {other:?}"),
        }
    }

    /// Waits until Kubernetes tells of pods.
    pub async fn kubernetes_works(&self) {
        self.status("Kubernetes works", |statuses| {
            statuses.get(Part::Kubernetes) == Some(Status::Working)
        })
        .await;
    }

    /// What kafmesh-discover says of itself.
    pub fn readiness(&self) -> Readiness {
        self.statuses.readiness()
    }

    async fn status(&self, what: &str, expected: impl Fn(&Statuses) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !expected(&self.statuses) {
            assert!(
                tokio::time::Instant::now() < deadline,
                "not so after {PATIENCE:?}: {what}; {:?}",
                self.statuses.readiness()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The service that a pod says it is, unless that is stale.
pub fn service<'a>(scraped: &'a Scraped, namespace: &str, name: &str) -> Option<&'a str> {
    let observed = scraped.pods.get(&PodKey::new(namespace, name))?;
    match &observed.answer {
        Some(answer) if !observed.is_stale() => Some(&answer.description.service),
        _ => None,
    }
}

/// The kind and message of a pod's failure.
pub fn failure<'a>(
    scraped: &'a Scraped,
    namespace: &str,
    name: &str,
) -> Option<(FailureKind, &'a str)> {
    let observed = scraped.pods.get(&PodKey::new(namespace, name))?;
    let failure = observed.failure.as_ref()?;
    Some((failure.kind, &failure.message))
}

fn summary(observed: &Arc<Observed>) -> String {
    format!(
        "{} {:?} {:?}",
        observed.pod.key,
        observed
            .answer
            .as_ref()
            .map(|answer| &answer.description.service),
        observed.failure
    )
}
