//! What a scrape was: when, and how many pods answered.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::pod::PodKey;

/// A scrape that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScrapeRun {
    /// What it is told apart by, also from those of other replicas; begins with when it started.
    pub id: Arc<str>,
    /// When it started.
    pub started: Timestamp,
    /// When the last of its pods had answered or failed.
    pub ended: Timestamp,
    /// Which pods were asked.
    pub kind: RunKind,
    /// How many pods were asked.
    pub asked: usize,
    /// How many of them answered.
    pub answered: usize,
    /// How many of them did not, or are gone.
    pub failed: usize,
    /// The pods that answered.
    #[serde(skip)]
    pub observed: Arc<[PodKey]>,
}

/// Which pods a [`ScrapeRun`] asked.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// All there were.
    Full,
    /// Those that had appeared or changed.
    Changed,
}

impl RunKind {
    /// Its name in answers and in the graph.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Changed => "changed",
        }
    }
}
