//! What Prometheus is told of scraping.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::time::Duration;

use crate::mesh::pod::{FailureKind, Pods};

/// Counts what is asked and what comes of it. Clones count the same.
#[derive(Debug, Clone)]
pub struct Metrics {
    asked: Counter,
    answered: Counter,
    failed: Family<OfKind, Counter>,
    duration: Histogram,
    pods: Family<OfState, Gauge>,
    full_scrapes: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind(FailureKind);

impl EncodeLabelValue for Kind {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        self.0.name().encode(encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    state: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            asked: Counter::default(),
            answered: Counter::default(),
            failed: Family::default(),
            // Milliseconds on a healthy network, up to the deadline.
            duration: Histogram::new([0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0]),
            pods: Family::default(),
            full_scrapes: Counter::default(),
        }
    }
}

impl Metrics {
    /// Adds them to `registry`, as `scrape_…` and `pods`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "scrape_asked",
            "How often a process was asked what it is",
            self.asked.clone(),
        );
        registry.register(
            "scrape_answered",
            "How often a process answered",
            self.answered.clone(),
        );
        registry.register(
            "scrape_failed",
            "How often a process did not answer, by kind of failure",
            self.failed.clone(),
        );
        registry.register_with_unit(
            "scrape_duration",
            "How long it took to ask a process, connecting included",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register(
            "scrape_full",
            "How often all processes were asked",
            self.full_scrapes.clone(),
        );
        registry.register(
            "pods",
            "How many processes are known: they answer, are stale, or never answered",
            self.pods.clone(),
        );
    }

    pub(super) fn asked(&self, took: Duration, failed: Option<FailureKind>) {
        self.asked.inc();
        self.duration.observe(took.as_secs_f64());
        match failed {
            None => self.answered.inc(),
            Some(kind) => self
                .failed
                .get_or_create(&OfKind { kind: Kind(kind) })
                .inc(),
        };
    }

    pub(super) fn full_scrape(&self) {
        self.full_scrapes.inc();
    }

    pub(super) fn known(&self, pods: &Pods) {
        let (mut answering, mut stale, mut silent) = (0, 0, 0);
        for observed in pods.values() {
            match &observed.answer {
                Some(_) if observed.is_stale() => stale += 1,
                Some(_) => answering += 1,
                None => silent += 1,
            }
        }
        for (state, count) in [
            ("answering", answering),
            ("stale", stale),
            ("silent", silent),
        ] {
            self.pods.get_or_create(&OfState { state }).set(count);
        }
    }
}
