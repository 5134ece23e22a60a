//! The store in Neo4j.
//!
//! Every node has its label and a second one, `Kafmesh`, and is told apart by its property
//! `kafmeshKey`, which is unique per label. So the same database may hold other nodes, `Service`s
//! among them: they are not touched, and constrained only if they have a `kafmeshKey` too. Besides
//! the nodes of the graph there are `KafmeshReport`s, the answers of pods by fingerprint, and one
//! `KafmeshModel` with the version of the model and the revision of what is written.
//!
//! A write is one transaction. It begins by changing the `KafmeshModel`, which locks it: replicas
//! write one after the other, and cannot deadlock. If the revision is the one that this process has
//! left, then what is there is known and nothing is read; otherwise it is read first. In both cases
//! only what differs is written.

mod explain;
mod model;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use neo4rs::{ConfigBuilder, Query, Txn, query};
use tokio::sync::Mutex;

use super::changes::Changes;
use super::merge::{self, KeptPods};
use super::runs::Runs;
use super::{Error, Store, Written};
use crate::mesh::Mesh;
use crate::mesh::graph::{Graph, pod_node};
use crate::mesh::pod::{PodKey, Pods};

pub(super) use explain::is_denied;
pub use model::VERSION;

/// How long a transaction may take at first. The first write of a mesh of a thousand services takes
/// seconds.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How long Neo4j may take at first to answer a statement, to commit, or to accept a connection.
const ANSWER: Duration = Duration::from_secs(60);

/// Where nothing came in time, twice the time is given when it is tried again, up to so many times what
/// is given at first: a slow Neo4j gets its first write done, and one that hangs is noticed.
const MOST_PATIENCE: u32 = 16;

/// Where Neo4j is.
#[derive(Clone)]
pub struct Settings {
    /// Its address: `bolt://host:port`, with TLS `bolt+s://…`. `neo4j://…` is the same: one server is
    /// asked, whatever it says of others.
    pub uri: String,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// The database; `None` for the user's default.
    pub database: Option<String>,
    /// A PEM file with the authorities of its certificate; `None` for those of the system.
    pub ca: Option<PathBuf>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("uri", &self.uri)
            .field("user", &self.user)
            .field("database", &self.database)
            .field("ca", &self.ca)
            .finish_non_exhaustive()
    }
}

/// Keeps the graph in Neo4j. Connects when it is used first, and anew after every error.
#[derive(Debug)]
pub struct Neo4j {
    settings: Settings,
    state: Mutex<State>,
}

struct State {
    client: Option<neo4rs::Graph>,
    known: Option<Known>,
    /// How many times as long as at first it is waited for Neo4j.
    patience: u32,
}

impl Default for State {
    fn default() -> Self {
        Self {
            client: None,
            known: None,
            patience: 1,
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

/// What is in the database at a revision.
struct Known {
    revision: i64,
    pods: KeptPods,
    /// The fingerprints of the pods' answers.
    reports: BTreeMap<PodKey, Arc<str>>,
    graph: Arc<Graph>,
    /// Scrape runs of this process that need not be written: they are there, or too old.
    runs: HashSet<Arc<str>>,
}

impl Neo4j {
    /// A store at `settings`; does not connect yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            state: Mutex::default(),
        }
    }

    fn connect(&self, patience: u32) -> Result<neo4rs::Graph, Error> {
        let Settings {
            uri,
            user,
            password,
            database,
            ca,
        } = &self.settings;
        let mut config = ConfigBuilder::default()
            .uri(uri)
            .user(user)
            .password(password)
            .fetch_size(5_000)
            .max_connections(1)
            .connection_timeout(ANSWER * patience);
        if let Some(database) = database {
            config = config.db(database.as_str());
        }
        if let Some(ca) = ca {
            config = config.with_client_certificate(ca);
        }
        let settings = |error: neo4rs::Error| Error::Settings {
            uri: uri.clone(),
            reason: error.to_string(),
        };
        neo4rs::Graph::connect(config.build().map_err(settings)?).map_err(settings)
    }

    /// The connection, in a database whose model is the present one.
    async fn client(&self, state: &mut State) -> Result<neo4rs::Graph, Error> {
        if let Some(client) = &state.client {
            return Ok(client.clone());
        }
        let client = self.connect(state.patience)?;
        model::migrate(&client).await?;
        Ok(state.client.insert(client).clone())
    }

    /// Writes `mesh`, in a transaction.
    async fn try_write(
        &self,
        state: &mut State,
        mesh: &Mesh,
        gone: &BTreeSet<PodKey>,
    ) -> Result<Written, Error> {
        let client = self.client(state).await?;
        let mut transaction = begin(&client).await?;
        let revision = lock(&mut transaction).await?;
        let known = match state.known.take() {
            Some(known) if known.revision == revision => known,
            _ => Known::read(&mut transaction, revision).await?,
        };
        let pods = merge::merge(&known.pods, mesh, gone);
        let graph = super::graph_of(&pods, mesh, &known.graph);
        let mut written = known.write_graph(&mut transaction, &graph).await?;
        let reports = known.write_pods(&mut transaction, &pods).await?;
        if mesh.runs.iter().any(|run| !known.runs.contains(&run.id)) {
            // Other replicas add theirs without a new revision.
            let kept = read::runs(&mut transaction).await?;
            let runs = Runs::of(&kept, &mesh.runs);
            written.runs = runs.added.len();
            write::runs(&mut transaction, runs).await?;
        }
        let changed = pods != known.pods || Written { runs: 0, ..written } != Written::default();
        let revision = revision + i64::from(changed);
        if changed {
            set_revision(&mut transaction, revision).await?;
        }
        transaction
            .commit()
            .await
            .map_err(failed("committing the graph"))?;
        state.known = Some(Known {
            revision,
            pods,
            reports,
            graph,
            runs: mesh.runs.iter().map(|run| run.id.clone()).collect(),
        });
        Ok(written)
    }

    async fn try_load(&self, state: &mut State) -> Result<Pods, Error> {
        let mut transaction = begin(&self.client(state).await?).await?;
        let (pods, _) = read::pods(&mut transaction).await?;
        end(transaction).await?;
        Ok(merge::pods(&pods))
    }

    async fn try_graph(&self, state: &mut State) -> Result<Graph, Error> {
        let mut transaction = begin(&self.client(state).await?).await?;
        let graph = read::graph(&mut transaction, true).await?;
        end(transaction).await?;
        Ok(graph)
    }
}

impl Store for Neo4j {
    async fn load(&self) -> Result<Pods, Error> {
        let mut state = self.state.lock().await;
        let result = in_time(
            "loading the pods",
            state.patience,
            self.try_load(&mut state),
        )
        .await;
        state.keep_after(result)
    }

    async fn write(&self, mesh: &Mesh, gone: &BTreeSet<PodKey>) -> Result<Written, Error> {
        let mut state = self.state.lock().await;
        let result = in_time(
            "writing the graph",
            state.patience,
            self.try_write(&mut state, mesh, gone),
        )
        .await;
        state.keep_after(result)
    }

    async fn graph(&self) -> Result<Graph, Error> {
        let mut state = self.state.lock().await;
        let result = in_time(
            "reading the graph",
            state.patience,
            self.try_graph(&mut state),
        )
        .await;
        state.keep_after(result)
    }
}

impl State {
    /// After an error the connection is closed, which ends its transaction, and nothing is presumed
    /// of what is in the database.
    fn keep_after<T>(&mut self, result: Result<T, Error>) -> Result<T, Error> {
        let error = match result {
            Ok(value) => {
                self.patience = 1;
                return Ok(value);
            }
            Err(Error::Neo4j { action, source })
                if matches!(*source, neo4rs::Error::ConnectionTimedOut) =>
            {
                late(action, ANSWER, self.patience)
            }
            Err(error) => error,
        };
        let patience = match error {
            Error::Timeout { .. } => more(self.patience),
            _ => self.patience,
        };
        *self = Self {
            patience,
            ..Self::default()
        };
        Err(error)
    }
}

/// More patience than that.
fn more(patience: u32) -> u32 {
    (patience * 2).min(MOST_PATIENCE)
}

/// `action` was not done in time. `first` is how long it may take at first.
fn late(action: &'static str, first: Duration, patience: u32) -> Error {
    Error::Timeout {
        action,
        seconds: (first * patience).as_secs(),
        next: (first * more(patience)).as_secs(),
    }
}

impl Known {
    async fn read(transaction: &mut Txn, revision: i64) -> Result<Self, Error> {
        let (pods, reports) = read::pods(transaction).await?;
        Ok(Self {
            revision,
            pods,
            reports,
            graph: Arc::new(read::graph(transaction, false).await?),
            runs: HashSet::new(),
        })
    }

    async fn write_graph(
        &self,
        transaction: &mut Txn,
        graph: &Arc<Graph>,
    ) -> Result<Written, Error> {
        if Arc::ptr_eq(&self.graph, graph) {
            return Ok(Written::default());
        }
        let changes = Changes::between(&self.graph, graph);
        let written = changes.written();
        write::changes(transaction, changes).await?;
        Ok(written)
    }

    /// Keeps `pods`; returns the fingerprints of their answers.
    async fn write_pods(
        &self,
        transaction: &mut Txn,
        pods: &KeptPods,
    ) -> Result<BTreeMap<PodKey, Arc<str>>, Error> {
        let mut reports = BTreeMap::new();
        let mut rows = Vec::new();
        let kept: HashSet<&Arc<str>> = self.reports.values().collect();
        let mut added: BTreeMap<Arc<str>, String> = BTreeMap::new();
        // Pods of one version share their description, whose fingerprint is made once.
        let mut fingerprints: HashMap<usize, Arc<str>> = HashMap::new();
        for (key, pod) in pods {
            let unchanged = self.pods.get(key) == Some(pod);
            let report = match (&pod.observed.answer, self.reports.get(key)) {
                (None, _) => None,
                (Some(_), Some(report)) if unchanged => Some(report.clone()),
                (Some(answer), _) => {
                    let description = &answer.description;
                    let report = fingerprints
                        .entry(Arc::as_ptr(description).addr())
                        .or_insert_with(|| description.fingerprint())
                        .clone();
                    if !kept.contains(&report) && !added.contains_key(&report) {
                        added.insert(report.clone(), read::json(description));
                    }
                    Some(report)
                }
            };
            if let Some(report) = &report {
                reports.insert(key.clone(), report.clone());
            }
            if !unchanged {
                rows.push(write::PodRow {
                    node: pod_node(key),
                    observed: read::stored(&pod.observed),
                    report,
                    found: pod.found.to_string(),
                });
            }
        }
        let needed: HashSet<&Arc<str>> = reports.values().collect();
        let forgotten = kept.difference(&needed).map(|&report| report.clone());
        let forgotten = forgotten.collect();
        write::pods(transaction, rows, added.into_iter().collect(), forgotten).await?;
        Ok(reports)
    }
}

async fn begin(client: &neo4rs::Graph) -> Result<Txn, Error> {
    let transaction = client.start_txn().await;
    transaction.map_err(failed("beginning a transaction"))
}

/// Ends a transaction that has only read.
async fn end(transaction: Txn) -> Result<(), Error> {
    let ended = transaction.rollback().await;
    ended.map_err(failed("ending a transaction"))
}

/// Waits until no other replica writes; returns the revision of what is there.
async fn lock(transaction: &mut Txn) -> Result<i64, Error> {
    let failed = || failed("locking the graph");
    let statement = "MATCH (m:KafmeshModel {kafmeshKey: 'model'}) SET m.locked = true \
                     RETURN m.version AS version, m.revision AS revision";
    let mut rows = transaction
        .execute(text(statement))
        .await
        .map_err(failed())?;
    let row = rows.next(transaction.handle()).await.map_err(failed())?;
    let (version, revision) = row
        .and_then(|row| Some((row.get("version").ok()?, row.get("revision").ok()?)))
        .ok_or(Error::Emptied)?;
    // The rest of the answer, so that the connection is free for the next statement.
    while rows
        .next(transaction.handle())
        .await
        .map_err(failed())?
        .is_some()
    {}
    model::check(version)?;
    Ok(revision)
}

async fn set_revision(transaction: &mut Txn, revision: i64) -> Result<(), Error> {
    let statement = "MATCH (m:KafmeshModel {kafmeshKey: 'model'}) SET m.revision = $revision";
    let ran = transaction
        .run(text(statement).param("revision", revision))
        .await;
    ran.map_err(failed("writing the graph"))?;
    Ok(())
}

async fn in_time<T>(
    action: &'static str,
    patience: u32,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::time::timeout(TIMEOUT * patience, work)
        .await
        .unwrap_or_else(|_| Err(late(action, TIMEOUT, patience)))
}

/// The advice of an error, to be put behind it.
pub(super) fn and_advice(error: &neo4rs::Error) -> String {
    explain::advice(error).map_or_else(String::new, |advice| format!("; {advice}"))
}

fn text(statement: &str) -> Query {
    query(statement)
}

fn failed(action: &'static str) -> impl FnOnce(neo4rs::Error) -> Error {
    move |source| Error::Neo4j {
        action,
        source: Box::new(source),
    }
}
