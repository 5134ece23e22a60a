//! How the parts of kafmesh-discover are doing, and whether the whole is ready.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A part that works, waits or fails by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Asks the processes of the mesh.
    Scrape,
    /// Finds pods through the Kubernetes API.
    Kubernetes,
    /// Writes the graph to Neo4j.
    Neo4j,
    /// Reads topics and groups from Kafka.
    Kafka,
}

impl Part {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Scrape, Self::Kubernetes, Self::Neo4j, Self::Kafka];

    /// Its name in answers, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scrape => "scrape",
            Self::Kubernetes => "kubernetes",
            Self::Neo4j => "neo4j",
            Self::Kafka => "kafka",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a part is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Status {
    /// It does what it is there for.
    Working,
    /// It has not begun to, and nothing is wrong.
    Waiting {
        /// What for.
        why: String,
    },
    /// It cannot, and tries again by itself.
    Failing {
        /// Since when; what fails again, for whatever reason, has failed since the first time.
        since: Timestamp,
        /// What happened, and what to do.
        why: String,
    },
}

/// The status of every part in use: parts report it, the API and the metrics read it.
///
/// Cheap to clone; clones are about the same parts. Changes are logged here, so a part that fails
/// again and again reports each failure and is logged once.
///
/// ```
/// use kafmesh_discover::status::{Part, Statuses};
///
/// let statuses = Statuses::new([Part::Scrape, Part::Neo4j]);
/// assert!(!statuses.readiness().ready);
/// statuses.working(Part::Scrape);
/// statuses.failing(Part::Neo4j, "nobody listens at bolt://neo4j:7687");
/// assert!(statuses.readiness().ready);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Statuses(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    parts: BTreeMap<Part, Status>,
    /// Whether the first scrape is complete, which makes the whole ready until it stops.
    scraped: bool,
    /// Whether it was told to stop.
    stopping: bool,
}

/// Whether kafmesh-discover is ready, and why not.
///
/// It is once the first scrape is complete, even where pods failed: from then on its answers are
/// about the mesh. What fails afterwards is told in `parts` and does not change it, since an older
/// picture is worth more than none. It is not ready any more when it was told to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Readiness {
    /// Whether it is.
    pub ready: bool,
    /// What it waits for; left out when it is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How its parts are doing; those that are not in use are left out.
    pub parts: BTreeMap<Part, Status>,
}

impl Statuses {
    /// `parts`, none of which has begun.
    pub fn new(parts: impl IntoIterator<Item = Part>) -> Self {
        let waiting = || Status::Waiting {
            why: "it is starting".to_owned(),
        };
        Self(Arc::new(Mutex::new(Inner {
            parts: parts.into_iter().map(|part| (part, waiting())).collect(),
            scraped: false,
            stopping: false,
        })))
    }

    /// The whole was told to stop, and is not ready from now on.
    pub fn stopping(&self) {
        self.lock().stopping = true;
    }

    /// The part works. For [`Part::Scrape`]: a scrape of all pods is complete.
    pub fn working(&self, part: Part) {
        let mut inner = self.lock();
        if part == Part::Scrape {
            inner.scraped = true;
        }
        match inner.parts.insert(part, Status::Working) {
            Some(Status::Working) => {}
            Some(Status::Failing { .. }) => tracing::info!(%part, "works again"),
            _ => tracing::info!(%part, "works"),
        }
    }

    /// The part waits for something that is no failure.
    pub fn waiting(&self, part: Part, why: impl Into<String>) {
        let why = why.into();
        let status = Status::Waiting { why: why.clone() };
        if self.lock().parts.insert(part, status.clone()) != Some(status) {
            tracing::info!(%part, "waits: {why}");
        }
    }

    /// The part fails; `why` says what happened and what to do.
    pub fn failing(&self, part: Part, why: impl Into<String>) {
        let why = why.into();
        let mut inner = self.lock();
        let since = match inner.parts.get(&part) {
            Some(Status::Failing { since, .. }) => *since,
            _ => Timestamp::now(),
        };
        let status = Status::Failing {
            since,
            why: why.clone(),
        };
        if inner.parts.insert(part, status.clone()) != Some(status) {
            tracing::warn!(%part, "fails, and is tried again: {why}");
        }
    }

    /// How `part` is doing; `None` when it is not in use.
    pub fn get(&self, part: Part) -> Option<Status> {
        self.lock().parts.get(&part).cloned()
    }

    /// Whether the whole is ready.
    pub fn readiness(&self) -> Readiness {
        let inner = self.lock();
        let failure = |part| match inner.parts.get(&part) {
            Some(Status::Failing { why, .. }) => Some(why),
            _ => None,
        };
        let why = if inner.stopping {
            Some("it is stopping".to_owned())
        } else if inner.scraped {
            None
        } else if let Some(why) = failure(Part::Scrape) {
            Some(format!("the first scrape fails: {why}"))
        } else if let Some(why) = failure(Part::Kubernetes) {
            Some(format!("the first scrape waits for Kubernetes: {why}"))
        } else {
            Some("the first scrape is not complete yet".to_owned())
        };
        Readiness {
            ready: why.is_none(),
            why,
            parts: inner.parts.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing that can panic is done under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ready_after_the_first_scrape_until_it_stops() {
        let statuses = Statuses::new([Part::Scrape, Part::Kubernetes, Part::Kafka]);
        statuses.failing(Part::Kubernetes, "connection refused");
        statuses.working(Part::Kafka);
        let readiness = statuses.readiness();
        assert!(!readiness.ready);
        assert_eq!(
            readiness.why.as_deref(),
            Some("the first scrape waits for Kubernetes: connection refused")
        );

        statuses.working(Part::Scrape);
        statuses.failing(Part::Scrape, "all pods are gone");
        statuses.failing(Part::Kafka, "no brokers");
        let readiness = statuses.readiness();
        assert!(readiness.ready);
        assert_eq!(readiness.why, None);

        statuses.stopping();
        let readiness = statuses.readiness();
        assert!(!readiness.ready);
        assert_eq!(readiness.why.as_deref(), Some("it is stopping"));
    }

    #[test]
    fn a_part_fails_since_its_first_failure_in_a_row() {
        let statuses = Statuses::new([Part::Neo4j]);
        let since = |statuses: &Statuses| match statuses.get(Part::Neo4j) {
            Some(Status::Failing { since, .. }) => since,
            other => panic!("{other:?}"),
        };
        statuses.failing(Part::Neo4j, "refused");
        let first = since(&statuses);
        statuses.failing(Part::Neo4j, "timed out");
        assert_eq!(since(&statuses), first);
        statuses.working(Part::Neo4j);
        statuses.failing(Part::Neo4j, "refused");
        assert!(since(&statuses) > first);
    }

    #[test]
    fn readiness_as_json_says_how_each_part_is_doing() {
        let statuses = Statuses::new([Part::Scrape]);
        statuses.waiting(Part::Scrape, "for pods");
        assert_eq!(
            serde_json::to_value(statuses.readiness()).unwrap(),
            json!({
                "ready": false,
                "why": "the first scrape is not complete yet",
                "parts": { "scrape": { "state": "waiting", "why": "for pods" } },
            })
        );
        assert_eq!(statuses.get(Part::Neo4j), None);
    }
}
